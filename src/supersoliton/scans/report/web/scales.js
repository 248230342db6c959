// Scales of axes, their ticks, and numbers as text.
"use strict";
function makeScale(column) {
  let low = column.low ?? Infinity, high = column.high ?? -Infinity;
  if (column.low === undefined) {
    for (const v of column.values) if (v !== null) { low = Math.min(low, v); high = Math.max(high, v); }
  }
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
