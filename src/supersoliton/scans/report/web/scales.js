// The data of the page, colours, axis scales and markers, shared by all views of the trials.
"use strict";
const record = JSON.parse(document.getElementById("record").textContent);
const columns = [...record.parameters, ...record.objectives]; // each {name, label, log, values, is_objective}
const byName = new Map(columns.map((column) => [column.name, column]));
const count = record.number.length;
const indexOf = new Map(record.number.map((number, i) => [number, i]));
const crowd = Math.min(1, Math.max(0.45, 25 / Math.sqrt(record.number.length))); // many marks are drawn smaller and thinner
// the order of drawing: Pareto-optimal trials last, on top of the others
const order = [...Array(count).keys()].sort((i, j) => rank(i) - rank(j));
function rank(i) { return record.pareto[i] ? 2 : record.feasible[i] ? 1 : 0; }

// Colours of the page's style sheet, which depend on the reader's colour scheme and on printing.
let colours = {};
function readColours() {
  const page = getComputedStyle(document.documentElement);
  const read = (name) => page.getPropertyValue(name).trim();
  colours = { ink: read("--ink"), faint: read("--faint"), line: read("--line"), paper: read("--paper"),
              accent: read("--accent"), negative: read("--negative"), kinds: record.kinds.map((kind) => read(`--kind-${kind.slot}`)),
              palette: [0, 1, 2, 3, 4, 5].map((slot) => read(`--kind-${slot}`)) };
}

function makeScale(column) {
  const finite = column.values.filter((v) => v !== null);
  let low = column.low ?? Math.min(...finite), high = column.high ?? Math.max(...finite);
  const log = column.log && low > 0;
  if (!(high > low)) { const pad = Math.abs(low) * 0.01 || 1; low -= pad; high += pad; }
  const to = log ? Math.log10 : (v) => v, back = log ? (v) => 10 ** v : (v) => v;
  const pad = column.low === undefined ? 0.04 * (to(high) - to(low)) : 0;
  const from = to(low) - pad, span = to(high) + pad - from;
  return { unit: (v) => (v === null || (log && !(v > 0)) ? NaN : (to(v) - from) / span), value: (t) => back(from + t * span),
           ticks: (wanted) => (log ? logTicks : linearTicks)(back(from), back(from + span), wanted) };
}

function linearTicks(low, high, wanted) {
  const rough = (high - low) / wanted, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((k) => k * power).find((s) => s >= rough);
  const found = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; k++) found.push(k * step);
  return found;
}

function logTicks(low, high, wanted) {
  if (Math.log10(high / low) < 1) { // less than a decade: round numbers, unevenly spaced
    return linearTicks(low, high, wanted).filter((v) => v > 0);
  }
  const steps = Math.log10(high / low) > 2.5 ? [1] : [1, 2, 5], found = [];
  for (let p = Math.floor(Math.log10(low)); p <= Math.log10(high); p++) {
    for (const k of steps) if (k * 10 ** p >= low && k * 10 ** p <= high) found.push(k * 10 ** p);
  }
  const skip = Math.ceil(found.length / (wanted + 2));
  return found.filter((_, i) => i % skip === 0);
}

// A number as text, in the format of plotting/html.py.
function text(value, digits = 4) {
  if (value === null || value === undefined) return "–";
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 10 ** digits)) {
    const [mantissa, power] = value.toExponential(digits - 1).split("e");
    const short = mantissa.includes(".") ? mantissa.replace(/\.?0+$/, "") : mantissa;
    return `${short}e${power.startsWith("-") ? "−" : "+"}${power.slice(1).padStart(2, "0")}`.replace(/^-/, "−");
  }
  return String(Number(value.toPrecision(digits))).replace("-", "−");
}

// One marker per kind, the same as in the figures, so that kinds can be distinguished without colours.
function mark(ctx, marker, x, y, r, filled) {
  ctx.beginPath();
  const corners = { D: [4, 0], s: [4, 45], "^": [3, 0], v: [3, 180], ">": [3, 90], "<": [3, 270], p: [5, 0] }[marker];
  if (!corners) {
    ctx.arc(x, y, r, 0, 2 * Math.PI);
  } else {
    const [n, turn] = corners;
    for (let k = 0; k < n; k++) {
      const angle = ((turn - 90 + (360 * k) / n) * Math.PI) / 180;
      ctx.lineTo(x + 1.25 * r * Math.cos(angle), y + 1.25 * r * Math.sin(angle));
    }
    ctx.closePath();
  }
  if (filled) ctx.fill(); else ctx.stroke();
}

function drawTrial(ctx, i, x, y, r) {
  const kind = record.kinds[record.kind[i]];
  ctx.strokeStyle = ctx.fillStyle = colours.kinds[record.kind[i]];
  ctx.lineWidth = 1;
  ctx.globalAlpha = isChosen(i) ? (record.pareto[i] ? 1 : record.feasible[i] ? 0.75 * crowd : 0.6 * crowd) : 0.06;
  mark(ctx, kind.marker, x, y, record.pareto[i] ? r : r * Math.max(crowd, 0.6), record.feasible[i]);
  if (record.pareto[i] && isChosen(i)) { ctx.strokeStyle = colours.ink; mark(ctx, "o", x, y, r + 3.5 * Math.max(crowd, 0.5), false); }
  ctx.globalAlpha = 1;
}

function ring(ctx, x, y) {
  ctx.lineWidth = 2.5;
  ctx.strokeStyle = colours.negative;
  mark(ctx, "o", x, y, 10, false);
}
