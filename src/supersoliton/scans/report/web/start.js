// Creates the views, shows the best trial, and follows the reader's colour scheme, printing and the address.
"use strict";
readColours();
const CLASSES = { projection: Projection, cube: Cube, parallel: Parallel, compared: typeof Compared === "undefined" ? null : Compared }; // the last where two scans are compared
for (const holder of document.querySelectorAll("[data-view]")) new CLASSES[holder.dataset.view](holder);

const best = document.getElementById("best"), known = best && record.states[record.number[record.first]];
if (known?.profile) drawToFit(best, (size) => drawProfile(best, known.profile, size));
for (const holder of document.querySelectorAll("[data-pictures]")) {
  const state = record.states[holder.dataset.pictures], [left, right] = [make("div", holder), make("div", holder)];
  if (state?.profile) drawToFit(left, (size) => drawProfile(left, state.profile, size), 280);
  if (state?.spectrum) drawToFit(right, (size) => drawSpectrum(right, state.spectrum, size), 280);
}
for (const link of document.querySelectorAll("[data-open]")) {
  link.addEventListener("click", () => openTrial(indexOf.get(Number(link.dataset.open)) ?? -1, link));
}
document.getElementById("pick")?.addEventListener("change", (event) => {
  const i = indexOf.get(Number(event.target.value));
  event.target.setCustomValidity(i === undefined ? "This trial is not on the page: it failed, or is only in trials.csv." : "");
  event.target.reportValidity();
  if (i !== undefined) openTrial(i, event.target);
});

function follow() { readColours(); for (const view of views) view.fit(); }
window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", follow);
function paper(on) {
  document.documentElement.classList.toggle("paper", on);
  for (const view of views) view.paper = on;
  for (const fit of fits) fit();
  follow();
}
window.addEventListener("beforeprint", () => paper(true));
window.addEventListener("afterprint", () => paper(false));
function openAddressed() {
  const wanted = location.hash.match(/^#trial=(\d+)$/);
  if (wanted) openTrial(indexOf.get(Number(wanted[1])) ?? -1);
}
window.addEventListener("hashchange", openAddressed);
openAddressed();
