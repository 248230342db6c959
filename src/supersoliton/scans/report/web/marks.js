// Colours of the page, one marker per kind of state, and the scale of colours for a third number.
"use strict";
let colours = {};
function readColours() { // they depend on the reader's colour scheme and on printing
  const page = getComputedStyle(document.documentElement);
  const read = (key) => page.getPropertyValue(key).trim();
  colours = { ink: read("--ink"), faint: read("--faint"), line: read("--line"), paper: read("--paper"), accent: read("--accent"),
              negative: read("--negative"), kinds: record.kinds.map((kind) => read(`--kind-${kind.slot}`)) };
  colours.dark = parseInt(colours.paper.slice(1, 3), 16) < 128;
}

// The same shapes as in the figures, so that kinds can be distinguished without colours.
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

// Hollow: a constraint is violated. Ringed: Pareto-optimal. `colour`: instead of that of its kind.
function drawTrial(ctx, i, x, y, r, colour) {
  const kind = record.kinds[record.kind[i]];
  ctx.strokeStyle = ctx.fillStyle = colour ?? colours.kinds[record.kind[i]];
  ctx.lineWidth = 1;
  ctx.globalAlpha = isChosen(i) ? (record.pareto[i] || colour ? 1 : record.feasible[i] ? 0.75 * crowd : 0.6 * crowd) : 0.06;
  mark(ctx, kind.marker, x, y, record.pareto[i] ? r : r * Math.max(crowd, 0.6), record.feasible[i]);
  if (record.pareto[i] && isChosen(i)) { ctx.strokeStyle = colours.ink; mark(ctx, "o", x, y, r + 3.5 * Math.max(crowd, 0.5), false); }
  ctx.globalAlpha = 1;
}

function ring(ctx, x, y, colour) {
  ctx.lineWidth = 2.5;
  ctx.strokeStyle = colour;
  mark(ctx, "o", x, y, 10, false);
}

// Viridis (matplotlib), readable with all common kinds of colour vision, without the end that a page's ground swallows.
const VIRIDIS = ["#440154", "#414487", "#2a788e", "#22a884", "#7ad151", "#fde725"].map((hex) => [1, 3, 5].map((k) => parseInt(hex.slice(k, k + 2), 16)));
function shade(t) {
  const at = (colours.dark ? 0.2 + 0.8 * t : 0.88 * t) * (VIRIDIS.length - 1), k = Math.min(VIRIDIS.length - 2, Math.max(0, Math.floor(at)));
  return `rgb(${[0, 1, 2].map((c) => Math.round(VIRIDIS[k][c] + (at - k) * (VIRIDIS[k + 1][c] - VIRIDIS[k][c]))).join(" ")})`;
}
