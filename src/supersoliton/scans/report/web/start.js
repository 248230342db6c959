// Creates the views, links them with the tables, and follows the reader's colour scheme and printing.
"use strict";
readColours();
for (const holder of document.querySelectorAll("[data-view=cube]")) new Cube(holder);
for (const holder of document.querySelectorAll("[data-view=projection]")) new Projection(holder);
for (const holder of document.querySelectorAll("[data-view=parallel]")) new Parallel(holder);

document.getElementById("clear")?.addEventListener("click", () => { brushes.clear(); redrawAll(); });
document.getElementById("pick")?.addEventListener("change", (event) => {
  const i = indexOf.get(Number(event.target.value));
  event.target.setCustomValidity(i === undefined ? "Trial not shown on this page; see trials.csv for all trials." : "");
  event.target.reportValidity();
  if (i !== undefined) { pinned = false; select(i, true); }
});
for (const row of document.querySelectorAll("tr[data-trial]")) { // rows of the tables are linked too
  const i = indexOf.get(Number(row.dataset.trial));
  if (i === undefined) continue;
  row.tabIndex = 0;
  row.addEventListener("pointerenter", () => select(i));
  row.addEventListener("focus", () => select(i));
  row.addEventListener("click", () => select(i, true));
}

function follow() { readColours(); for (const view of views) view.fit(); }
window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", follow);
function paper(on) {
  document.documentElement.classList.toggle("paper", on);
  for (const view of views) view.paper = on;
  follow();
}
window.addEventListener("beforeprint", () => paper(true));
window.addEventListener("afterprint", () => paper(false));
const first = record.pareto.findIndex(Boolean);
if (count) select(Math.max(record.first, first, 0));
