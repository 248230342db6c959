// Small SVG pictures of one trial: its profile over r and its spectrum; the value under the pointer is written above.
"use strict";
const LEFT = 44, RIGHT = 10, TOP = 10, FOOT = 34;
const linear = (low, high) => (v) => (v - low) / (high - low || 1);

// Draw for the width that the holder has, and again when that changes.
const fits = [];
function drawToFit(holder, draw, most = 425) {
  const fit = () => {
    const wide = Math.round(holder.clientWidth);
    if (!wide || holder.dataset.wide === String(wide)) return;
    holder.dataset.wide = wide;
    holder.replaceChildren();
    draw([wide, Math.round(Math.max(200, Math.min(most, 0.66 * wide)))]);
  };
  fits.push(fit);
  new ResizeObserver(fit).observe(holder);
}

// Axes of a picture `wide` by `high` pixels; returns the picture and the places of x and y.
function frame(parent, caption, size, xLabel, yLabel, xEnds, yEnds, xTicks, word = (t) => text(t, 3)) {
  const [wide, high] = size, svg = make("svg", parent, "", { viewBox: `0 0 ${wide} ${high}`, role: "img", "aria-label": caption, class: "trial-picture" });
  const xScale = linear(...xEnds), yScale = linear(...yEnds);
  const x = (v) => LEFT + xScale(v) * (wide - LEFT - RIGHT), y = (v) => high - FOOT - yScale(v) * (high - FOOT - TOP);
  for (const tick of xTicks) make("text", svg, word(tick), { x: x(tick), y: high - FOOT + 14, class: "tick", "text-anchor": "middle" });
  for (const tick of linearTicks(...yEnds, 4)) {
    make("line", svg, "", { x1: LEFT, x2: wide - RIGHT, y1: y(tick), y2: y(tick), class: "grid" });
    make("text", svg, text(tick, 3), { x: LEFT - 4, y: y(tick) + 3.5, class: "tick", "text-anchor": "end" });
  }
  make("text", svg, xLabel, { x: (LEFT + wide - RIGHT) / 2, y: high - 4, "text-anchor": "middle" });
  make("text", svg, yLabel, { transform: `translate(10 ${(TOP + high - FOOT) / 2}) rotate(-90)`, "text-anchor": "middle" });
  return [svg, x, y];
}

// A smooth path through points: cubic between two of them, with the slopes of parabolas through three.
function curve(x, y) {
  const n = x.length, across = (k) => (y[k + 1] - y[k]) / (x[k + 1] - x[k] || 1), far = (k) => x[k + 1] - x[k];
  const slope = x.map((_, k) => {
    if (n < 3) return across(0);
    if (k === 0) return ((2 * far(0) + far(1)) * across(0) - far(0) * across(1)) / (far(0) + far(1) || 1);
    if (k === n - 1) return across(n - 2);
    return (across(k - 1) * far(k) + across(k) * far(k - 1)) / (far(k - 1) + far(k) || 1);
  });
  let path = `M${x[0].toFixed(1)} ${y[0].toFixed(1)}`;
  for (let k = 0; k < n - 1; k++) {
    const third = far(k) / 3;
    path += `C${[x[k] + third, y[k] + third * slope[k], x[k + 1] - third, y[k + 1] - third * slope[k + 1], x[k + 1], y[k + 1]].map((v) => v.toFixed(1)).join(" ")}`;
  }
  return path;
}

function drawProfile(parent, profile, size = [360, 175]) {
  const all = profile.fields.flatMap((field) => field.values), r = profile.r;
  const low = all.reduce((a, b) => Math.min(a, b), 0), high = all.reduce((a, b) => Math.max(a, b), 0);
  const key = make("p", parent, "", { class: "key" });
  const [svg, x, y] = frame(parent, "Profile: the fields over r", size, "r [1/mass]", profile.unit, [r[0] < 0 ? r[0] : 0, r.at(-1)], [low, high], linearTicks(r[0] < 0 ? r[0] : 0, r.at(-1), 5));
  let slot = 0;
  const values = [];
  for (const field of profile.fields) {
    const d = curve(r.map(x), field.values.map(y));
    const colour = !field.label ? "var(--faint)" : field.special ? "var(--ink)" : `var(--kind-${slot++ % 6})`;
    make("path", svg, "", { d, fill: "none", style: `stroke:${colour}`, "stroke-width": field.label ? 1.8 : 0.7 });
    if (!field.label) continue;
    const entry = make("span", key);
    make("span", entry, "", { class: "swatch", style: `background:${colour}` });
    entry.append(field.label);
    values.push([make("span", entry, "", { class: "value" }), field.values]);
  }
  if (profile.more) make("span", key, profile.more, { class: "note" });
  const at = make("span", key, "", { class: "value" }), cursor = make("line", svg, "", { y1: TOP, y2: size[1] - FOOT, class: "cursor" });
  function read(k) {
    cursor.setAttribute("visibility", k < 0 ? "hidden" : "visible");
    if (k >= 0) for (const end of ["x1", "x2"]) cursor.setAttribute(end, x(r[k]));
    for (const [node, field] of values) node.textContent = k < 0 ? "" : ` = ${text(field[k], 4)}`;
    at.textContent = k < 0 ? "" : `at r = ${text(r[k], 4)}`;
  }
  svg.addEventListener("pointermove", (event) => {
    const box = svg.getBoundingClientRect(), along = ((event.clientX - box.left) / box.width) * size[0];
    read(r.reduce((best, v, k) => (Math.abs(x(v) - along) < Math.abs(x(r[best]) - along) ? k : best), 0));
  });
  svg.addEventListener("pointerleave", () => read(-1));
  read(-1);
}

function drawSpectrum(parent, spectrum, size = [360, 175]) {
  const levels = spectrum.columns.flatMap((column) => column.values), ends = [...levels, ...spectrum.continuum, 0];
  const low = Math.min(...ends), high = Math.max(...ends), pad = 0.06 * (high - low || 1), n = spectrum.columns.length;
  const [svg, x, y] = frame(parent, "Spectrum", size, "", "sign(λ)√|λ| [mass]", [-0.5, n - 0.5], [low - pad, high + pad],
                            [...Array(n).keys()], (k) => spectrum.columns[k].label);
  for (const m of spectrum.continuum) make("line", svg, "", { x1: LEFT, x2: size[0] - RIGHT, y1: y(m), y2: y(m), class: "edge" });
  spectrum.columns.forEach((column, k) => {
    for (const m of column.values) {
      const style = `stroke:${m < -spectrum.zero ? "var(--negative)" : "var(--kind-0)"}`;
      const level = make("line", svg, "", { x1: x(k - 0.36), x2: x(k + 0.36), y1: y(m), y2: y(m), style, "stroke-width": column.thin ? 0.6 : 2 });
      make("title", level, `${column.label}: ${text(m, 6)}`);
    }
  });
  make("p", parent, spectrum.note, { class: "note" });
}
