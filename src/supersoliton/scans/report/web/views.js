// What all linked views share: two canvases, the trial under the pointer or the arrow keys, and a click that opens it.
"use strict";
const views = [];
let hovered = -1, opened = -1; // the trial under the pointer, and the one in the drawer

function hover(i, at = null, view = null) {
  if (i !== hovered) {
    hovered = i;
    for (const one of views) one.highlight();
  }
  showTip(i, at, view);
}

// A canvas for the trials and one above it for the rings, so that hovering redraws only the rings.
class View {
  constructor(holder, height) {
    this.holder = holder;
    this.highest = this.height = height;
    this.base = make("canvas", holder);
    this.over = make("canvas", holder, "", { tabindex: 0, role: "img", "aria-label": holder.dataset.label });
    this.over.addEventListener("pointermove", (event) => this.moved(event));
    this.over.addEventListener("pointerleave", () => hover(-1));
    this.over.addEventListener("blur", () => hover(-1));
    this.over.addEventListener("click", (event) => { if (!this.dragged) openTrial(this.nearest(event.offsetX, event.offsetY), this.over); });
    this.over.addEventListener("keydown", (event) => this.pressed(event));
    views.push(this);
    new ResizeObserver(() => this.fit()).observe(holder);
    new IntersectionObserver((seen) => { // drawn once it comes near the window, as thousands of trials take time
      this.near = seen.at(-1).isIntersecting;
      if (this.near && this.stale) this.redraw();
    }, { rootMargin: "300px" }).observe(holder);
  }
  fit() {
    const width = this.holder.clientWidth, dots = Math.max(window.devicePixelRatio || 1, this.paper ? 2 : 1);
    if (!width) return;
    this.width = width;
    this.height = Math.round(Math.min(this.highest, Math.max(0.9 * width, 240)));
    for (const canvas of [this.base, this.over]) {
      canvas.width = Math.round(width * dots);
      canvas.height = Math.round(this.height * dots);
      canvas.style.height = `${this.height}px`;
      canvas.getContext("2d").setTransform(dots, 0, 0, dots, 0, 0);
    }
    this.redraw();
  }
  redraw() {
    this.stale = !this.near && !this.paper;
    if (!this.width || this.stale) return;
    // printing uses the upper canvas only: Chromium 156 does not print a canvas under another
    const ctx = (this.paper ? this.over : this.base).getContext("2d");
    ctx.clearRect(0, 0, this.width, this.height);
    ctx.font = FONT;
    this.draw(ctx);
    this.highlight();
  }
  highlight() {
    if (!this.width || this.paper || this.stale) return;
    const ctx = this.over.getContext("2d");
    ctx.clearRect(0, 0, this.width, this.height);
    if (opened >= 0) this.drawSelected(ctx, opened, colours.ink);
    if (hovered >= 0) this.drawSelected(ctx, hovered, colours.negative);
  }
  drawSelected(ctx, i, colour) {
    const [x, y] = this.place(i);
    if (Number.isFinite(x + y)) ring(ctx, x, y, colour);
  }
  moved(event) { if (!event.buttons) hover(this.nearest(event.offsetX, event.offsetY), event, this); }
  nearest(x, y) {
    let best = -1, least = 16 ** 2;
    for (const i of order) {
      if (!isChosen(i)) continue;
      const [px, py] = this.place(i), d = (px - x) ** 2 + (py - y) ** 2;
      if (d <= least) { best = i; least = d; }
    }
    return best;
  }
  drawNumbers(ctx) { // of the best trial in each objective
    ctx.fillStyle = colours.ink; ctx.textBaseline = "bottom";
    for (const i of new Set(record.best)) {
      const [x, y] = this.place(i);
      if (!Number.isFinite(x + y) || !isChosen(i)) continue;
      ctx.textAlign = x > this.width - (this.right ?? 12) - 30 ? "right" : "left";
      ctx.fillText(record.number[i], x + (ctx.textAlign === "left" ? 8 : -8), y - 4);
    }
  }
  // Arrow keys move from trial to trial along the first axis of the view, Enter opens the trial.
  pressed(event) {
    const step = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
    if (event.key === "Enter" && hovered >= 0) { event.preventDefault(); openTrial(hovered, this.over); }
    if (!step) return;
    event.preventDefault();
    const places = order.filter(isChosen).map((i) => [i, ...this.place(i)]).filter(([, x, y]) => Number.isFinite(x + y));
    places.sort((one, other) => one[1] - other[1] || one[2] - other[2]);
    if (!places.length) return;
    const now = places.findIndex(([i]) => i === hovered);
    const [i, x, y] = places[now < 0 ? 0 : Math.max(0, Math.min(places.length - 1, now + step))], box = this.over.getBoundingClientRect();
    hover(i, { clientX: box.left + x, clientY: box.top + y }, this);
  }
}
const FONT = "12px system-ui, 'DejaVu Sans', sans-serif";

function line(ctx, ...points) {
  ctx.beginPath();
  for (let k = 0; k < points.length; k += 2) ctx.lineTo(points[k], points[k + 1]);
  ctx.stroke();
}

function redrawAll() { for (const view of views) view.redraw(); }
