// The drawer of one trial: where it lies in the ranges, its certificate, numbers, profile and spectrum.
"use strict";
const drawer = document.getElementById("drawer"), panel = document.getElementById("trial");
let opener = null; // what had the focus before the drawer opened

function openTrial(i, from = document.activeElement) {
  if (i < 0 || !drawer) return;
  if (drawer.hidden) opener = from;
  opened = i;
  drawer.hidden = false;
  document.body.classList.add("with-drawer");
  hover(-1);
  for (const view of views) view.highlight();
  showTrial(i);
  drawer.scrollTop = 0;
  drawer.focus({ preventScroll: true });
  history.replaceState(null, "", `#trial=${record.number[i]}`);
}

function closeDrawer() {
  if (!drawer || drawer.hidden) return;
  drawer.hidden = true;
  document.body.classList.remove("with-drawer");
  opened = -1;
  for (const view of views) view.highlight();
  history.replaceState(null, "", location.pathname + location.search);
  opener?.focus({ preventScroll: true });
}

function showTrial(i) {
  panel.replaceChildren();
  panel.dataset.number = record.number[i];
  make("h3", panel, `Trial ${record.number[i]}`);
  const place = record.pareto[i] ? "on the front" : record.feasible[i] ? "satisfies every constraint" : "violates a constraint";
  make("p", panel, `${record.kinds[record.kind[i]].word}, ${place}`, { class: "note" });
  const table = make("table", panel, "", { class: "point" });
  for (const column of [...objectives, ...parameters]) {
    const row = make("tr", table, "", { "data-name": column.name });
    name(make("th", row, "", { scope: "row" }), column);
    make("td", row, text(column.values[i], 5), { class: column.group === "objective" ? "n goal" : "n" });
    const t = unitsOf(column.name)[i], gauge = make("span", make("td", row), "", { class: "gauge" }); // where in its range
    if (Number.isFinite(t)) make("span", gauge, "", { style: `left:${(100 * t).toFixed(1)}%` });
  }
  const known = record.states[record.number[i]];
  if (known?.profile) { make("h4", panel, "Profile"); drawProfile(panel, known.profile); }
  if (known?.spectrum) { make("h4", panel, "Spectrum"); drawSpectrum(panel, known.spectrum); }
  if (!known) make("p", panel, record.pareto[i] ? record.not_drawn : "Profile and spectrum are stored for Pareto-optimal trials only.", { class: "note" });
  make("h4", panel, "Certificate");
  showCertificate(panel, i);
  showNumbers(i);
  if (record.pareto[i]) {
    const file = `states/trial_${String(record.number[i]).padStart(5, "0")}.nc`, line = make("p", panel, "State: ", { class: "note" });
    make("a", line, file, { href: file });
    line.append(", read with ");
    make("code", line, `ss.load("${file}")`);
  }
}

function showNumbers(i) {
  const hits = record.hits[record.number[i]];
  if (hits) {
    const folded = make("details", panel), list = make("ul", folded);
    folded.prepend(make("summary", null, `${hits.length} targets hit`));
    for (const hit of hits) make("li", list, hit);
  }
  make("h4", panel, "Other numbers");
  const table = make("table", panel, "", { class: "point" }), checked = new Set(record.checks.map((check) => check.name));
  for (const column of record.columns) {
    if (column.group !== "number" || checked.has(column.name) || column.values[i] === null) continue;
    const row = make("tr", table, "", { "data-name": column.name });
    name(make("th", row, "", { scope: "row" }), column);
    make("td", row, text(column.values[i], column.digits), { class: "n" });
  }
}

// The next trial in the order of the table.
function step(by) {
  const rows = listed(), now = rows.indexOf(opened), next = rows[now < 0 ? 0 : (now + by + rows.length) % rows.length];
  if (next !== undefined) openTrial(next);
}
document.getElementById("close")?.addEventListener("click", closeDrawer);
document.getElementById("previous")?.addEventListener("click", () => step(-1));
document.getElementById("next")?.addEventListener("click", () => step(1));
document.addEventListener("keydown", (event) => { if (event.key === "Escape") closeDrawer(); });
