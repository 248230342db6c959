// The panel of the selected trial: couplings, certificate, profile, spectrum. Text is inserted as text, never as HTML.
"use strict";
const panel = document.getElementById("trial");

function make(tag, parent, words, attributes = {}) {
  const svg = ["svg", "path", "line", "text", "rect", "title"].includes(tag);
  const node = svg ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  if (words !== undefined && words !== "") node.textContent = words;
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return parent.appendChild(node);
}

function showDetails(i) {
  if (!panel) return;
  panel.replaceChildren();
  panel.dataset.number = record.number[i];
  const kind = record.kinds[record.kind[i]];
  make("h3", panel, `Trial ${record.number[i]}`);
  const state = record.pareto[i] ? "Pareto-optimal" : record.feasible[i] ? "feasible" : "infeasible";
  make("p", panel, `${kind.word}, ${state}${pinned ? "; pinned (click again to unpin)" : ""}`, { class: "note" });
  const table = make("table", panel, "", { class: "point" });
  for (const column of [...record.objectives, ...record.parameters]) {
    const row = make("tr", table);
    make("th", row, column.label, { scope: "row" });
    make("td", row, text(column.values[i], column.is_objective ? 4 : 5), { class: column.is_objective ? "n goal" : "n" });
    const t = units.get(column.name)[i]; // where in its range
    const gauge = make("span", make("td", row), "", { class: "gauge" });
    if (Number.isFinite(t)) make("span", gauge, "", { style: `left:${(100 * t).toFixed(1)}%` });
  }
  showCertificate(i);
  const hits = record.hits[record.number[i]];
  if (hits) {
    make("h4", panel, "Targets hit");
    make("p", panel, hits, { class: "note" });
  }
  const known = record.states[record.number[i]];
  if (known && known.profile) drawProfile(known.profile);
  if (known && known.spectrum) drawSpectrum(known.spectrum);
  if (!known) make("p", panel, record.pareto[i] ? record.not_drawn : "Profile and spectrum are stored for Pareto-optimal trials only.", { class: "note" });
}

function showCertificate(i) {
  make("h4", panel, "Certificate");
  const words = [record.statuses[record.status[i]]];
  const certified = record.certified[i];
  if (certified !== null) words.unshift(certified ? "certified" : "not certified");
  const reasons = record.reasons[record.number[i]];
  make("p", panel, words.filter(Boolean).join(", ") + (reasons ? `: ${reasons}` : ""), { class: certified === 0 ? "failed" : "" });
  const facts = record.facts.filter((fact) => fact.values[i] !== null);
  make("p", panel, facts.map((fact) => `${fact.label} ${text(fact.values[i], fact.digits)}`).join(" · "), { class: "note" });
}

const WIDE = 360, HIGH = 165, LEFT = 38, RIGHT = 10, TOP = 8, FOOT = 32;

function frame(title, xLabel, yLabel, xScale, yScale, xTicks, yTicks, word = (t) => text(t, 3)) {
  make("h4", panel, title);
  const svg = make("svg", panel, "", { viewBox: `0 0 ${WIDE} ${HIGH}`, role: "img", "aria-label": title });
  const x = (v) => LEFT + xScale(v) * (WIDE - LEFT - RIGHT), y = (v) => HIGH - FOOT - yScale(v) * (HIGH - FOOT - TOP);
  for (const tick of xTicks) make("text", svg, word(tick), { x: x(tick), y: HIGH - FOOT + 13, class: "tick", "text-anchor": "middle" });
  for (const tick of yTicks) {
    make("line", svg, "", { x1: LEFT, x2: WIDE - RIGHT, y1: y(tick), y2: y(tick), class: "grid" });
    make("text", svg, text(tick, 3), { x: LEFT - 4, y: y(tick) + 3.5, class: "tick", "text-anchor": "end" });
  }
  make("text", svg, xLabel, { x: (LEFT + WIDE - RIGHT) / 2, y: HIGH - 4, "text-anchor": "middle" });
  make("text", svg, yLabel, { transform: `translate(9 ${(TOP + HIGH - FOOT) / 2}) rotate(-90)`, "text-anchor": "middle" });
  return [svg, x, y];
}

const linear = (low, high) => (v) => (v - low) / (high - low || 1);

function drawProfile(profile) {
  const all = profile.fields.flatMap((field) => field.values), low = Math.min(0, ...all), high = Math.max(0, ...all);
  const end = profile.r[profile.r.length - 1];
  const [svg, x, y] = frame("Profile", "r [1/mass]", profile.unit, linear(0, end), linear(low, high), linearTicks(0, end, 5), linearTicks(low, high, 4));
  const key = make("p", panel, "", { class: "key" });
  let slot = 0;
  for (const field of profile.fields) {
    const d = field.values.map((v, k) => `${k ? "L" : "M"}${x(profile.r[k]).toFixed(1)} ${y(v).toFixed(1)}`).join("");
    const colour = !field.label ? "var(--faint)" : field.special ? "var(--ink)" : `var(--kind-${slot++ % 6})`;
    make("path", svg, "", { d, fill: "none", style: `stroke:${colour}`, "stroke-width": field.label ? 1.8 : 0.7 });
    if (field.label) {
      const entry = make("span", key);
      make("span", entry, "", { class: "swatch", style: `background:${colour}` });
      entry.append(field.label);
    }
  }
  if (profile.more) make("span", key, profile.more, { class: "note" });
}

function drawSpectrum(spectrum) {
  const levels = spectrum.columns.flatMap((column) => column.values), ends = [...levels, ...spectrum.continuum, 0];
  const low = Math.min(...ends), high = Math.max(...ends);
  const pad = 0.06 * (high - low || 1), n = spectrum.columns.length;
  const [svg, x, y] = frame("Spectrum", "", "sign(λ)√|λ| [mass]", linear(-0.5, n - 0.5), linear(low - pad, high + pad),
                            [...Array(n).keys()], linearTicks(low, high, 4), (k) => spectrum.columns[k].label);
  for (const m of spectrum.continuum) make("line", svg, "", { x1: LEFT, x2: WIDE - RIGHT, y1: y(m), y2: y(m), class: "edge" });
  spectrum.columns.forEach((column, k) => {
    for (const m of column.values) {
      const style = `stroke:${m < -spectrum.zero ? "var(--negative)" : "var(--kind-0)"}`;
      const level = make("line", svg, "", { x1: x(k - 0.36), x2: x(k + 0.36), y1: y(m), y2: y(m), style, "stroke-width": column.thin ? 0.6 : 2 });
      make("title", level, text(m, 6));
    }
  });
  make("p", panel, spectrum.note, { class: "note" });
}
