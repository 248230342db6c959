// The linked views: each draws all trials, finds the trial under the pointer, and rings the selected one.
"use strict";
const views = [];
const brushes = new Map(); // column name -> [from, to] in units of its axis: the filter set in parallel coordinates
let selected = -1, pinned = false;
const scales = new Map(columns.map((column) => [column.name, makeScale(column)]));
const units = new Map(columns.map((column) => [column.name, column.values.map((v) => scales.get(column.name).unit(v))]));

function isChosen(i) {
  for (const [name, [from, to]] of brushes) {
    const t = units.get(name)[i];
    if (!(t >= from && t <= to)) return false;
  }
  return true;
}

function select(i, pin = false) {
  if (i < 0 || (pinned && !pin)) return;
  if (pin) pinned = !(pinned && i === selected);
  selected = i;
  for (const view of views) view.highlight();
  showDetails(i);
}

// A canvas for the trials and one above it for the ring, so that hovering redraws only the ring.
class View {
  constructor(holder, height) {
    this.holder = holder;
    this.highest = this.height = height;
    this.base = holder.appendChild(document.createElement("canvas"));
    this.over = holder.appendChild(document.createElement("canvas"));
    this.over.tabIndex = 0;
    this.over.setAttribute("role", "img");
    this.over.setAttribute("aria-label", holder.dataset.label);
    this.over.addEventListener("pointermove", (event) => this.moved(event));
    this.over.addEventListener("click", (event) => { if (!this.dragged) select(this.nearest(event.offsetX, event.offsetY), true); });
    views.push(this);
    new ResizeObserver(() => this.fit()).observe(holder);
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
    if (!this.width) return;
    // printing uses the upper canvas only: Chromium 156 does not print a canvas under another
    const ctx = (this.paper ? this.over : this.base).getContext("2d");
    ctx.clearRect(0, 0, this.width, this.height);
    ctx.font = "12px system-ui, 'DejaVu Sans', sans-serif";
    this.draw(ctx);
    this.highlight();
  }
  highlight() {
    if (!this.width) return;
    const ctx = this.over.getContext("2d");
    if (!this.paper) ctx.clearRect(0, 0, this.width, this.height);
    if (selected >= 0) this.drawSelected(ctx, selected);
  }
  drawSelected(ctx, i) {
    const [x, y] = this.place(i);
    if (Number.isFinite(x + y)) ring(ctx, x, y);
  }
  moved(event) { if (!event.buttons) select(this.nearest(event.offsetX, event.offsetY)); }
  nearest(x, y) {
    let best = -1, least = 16 ** 2;
    for (const i of order) {
      if (!isChosen(i)) continue;
      const [px, py] = this.place(i), d = (px - x) ** 2 + (py - y) ** 2;
      if (d <= least) { best = i; least = d; }
    }
    return best;
  }
}

class Projection extends View {
  constructor(holder) {
    super(holder, 280);
    [this.x, this.y] = [holder.dataset.x, holder.dataset.y];
  }
  place(i) {
    return [56 + units.get(this.x)[i] * (this.width - 68), this.height - 44 - units.get(this.y)[i] * (this.height - 56)];
  }
  draw(ctx) {
    const left = 56, bottom = this.height - 44;
    ctx.strokeStyle = colours.line; ctx.fillStyle = colours.faint; ctx.lineWidth = 1;
    ctx.textAlign = "center"; ctx.textBaseline = "top";
    for (const tick of scales.get(this.x).ticks(4)) {
      const x = left + scales.get(this.x).unit(tick) * (this.width - 68);
      line(ctx, x, 12, x, bottom); ctx.fillText(text(tick), x, bottom + 5);
    }
    ctx.textAlign = "right"; ctx.textBaseline = "middle";
    for (const tick of scales.get(this.y).ticks(5)) {
      const y = bottom - scales.get(this.y).unit(tick) * (this.height - 56);
      line(ctx, left, y, this.width - 12, y); ctx.fillText(text(tick), left - 5, y);
    }
    ctx.fillStyle = colours.ink; ctx.textAlign = "center"; ctx.textBaseline = "bottom";
    ctx.fillText(byName.get(this.x).label, (left + this.width - 12) / 2, this.height - 6);
    ctx.save(); ctx.translate(3, (12 + bottom) / 2); ctx.rotate(-Math.PI / 2); ctx.textBaseline = "top";
    ctx.fillText(byName.get(this.y).label, 0, 0); ctx.restore();
    for (const i of order) {
      const [x, y] = this.place(i);
      if (Number.isFinite(x + y)) drawTrial(ctx, i, x, y, 3.2);
    }
  }
}

function line(ctx, ...points) {
  ctx.beginPath();
  for (let k = 0; k < points.length; k += 2) ctx.lineTo(points[k], points[k + 1]);
  ctx.stroke();
}

// Three columns as a cube: drag or arrow keys rotate, + and - (or the wheel with Ctrl) zoom.
class Cube extends View {
  constructor(holder) {
    super(holder, 520);
    this.names = JSON.parse(holder.dataset.axes);
    this.reset();
    for (const [axis, chooser] of holder.parentElement.querySelectorAll("select[data-axis]").entries()) {
      chooser.addEventListener("change", () => { this.names[axis] = chooser.value; this.redraw(); });
    }
    const canvas = this.over;
    canvas.addEventListener("pointerdown", (event) => {
      this.from = [event.clientX, event.clientY]; this.dragged = false; canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointerup", () => { this.from = null; });
    canvas.addEventListener("pointercancel", () => { this.from = null; });
    canvas.addEventListener("wheel", (event) => {
      if (event.ctrlKey || event.metaKey) { event.preventDefault(); this.turn(0, 0, Math.exp(-event.deltaY / 500)); }
    }, { passive: false });
    canvas.addEventListener("keydown", (event) => {
      const turns = { ArrowLeft: [-8, 0, 1], ArrowRight: [8, 0, 1], ArrowUp: [0, 8, 1], ArrowDown: [0, -8, 1], "+": [0, 0, 1.15], "-": [0, 0, 1 / 1.15] };
      if (event.key in turns) { event.preventDefault(); this.turn(...turns[event.key]); }
      if (event.key === "Home") { this.reset(); this.redraw(); }
    });
    canvas.addEventListener("dblclick", () => { this.reset(); this.redraw(); });
  }
  reset() { this.azimuth = 35; this.elevation = 22; this.zoom = 1; this.aim(); }
  turn(across, up, zoom) {
    this.azimuth = (this.azimuth + across + 360) % 360;
    this.elevation = Math.max(-89, Math.min(89, this.elevation + up));
    this.zoom = Math.max(0.5, Math.min(8, this.zoom * zoom));
    this.aim(); this.redraw();
  }
  aim() { // the matrix is computed once per picture, not once per trial
    const a = (this.azimuth * Math.PI) / 180, e = (this.elevation * Math.PI) / 180;
    this.turned = [Math.cos(a), Math.sin(a), Math.cos(e), Math.sin(e)];
    this.holder.dataset.azimuth = this.azimuth.toFixed(1);
    this.holder.dataset.elevation = this.elevation.toFixed(1);
  }
  moved(event) {
    if (!this.from) { super.moved(event); return; }
    const [dx, dy] = [event.clientX - this.from[0], event.clientY - this.from[1]];
    if (!this.dragged && Math.hypot(dx, dy) < 4) return;
    this.dragged = true;
    this.from = [event.clientX, event.clientY];
    this.turn(-0.45 * dx, 0.35 * dy, 1);
  }
  // Coordinates -1 ... 1 -> pixels and depth (larger is nearer), from a distance that keeps the distortion small.
  project(x, y, z) {
    const [ca, sa, ce, se] = this.turned;
    const right = -sa * x + ca * y, toward = ca * x + sa * y;
    const up = ce * z - se * toward, depth = ce * toward + se * z;
    const size = 0.25 * Math.min(this.width, 1.1 * this.height) * this.zoom * (6 / (6 - depth));
    return [this.width / 2 + size * right, 0.47 * this.height - size * up, depth];
  }
  place(i) {
    const [x, y, z] = this.names.map((name) => 2 * units.get(name)[i] - 1);
    return this.project(x, y, z);
  }
  draw(ctx) {
    this.drawBox(ctx);
    const placed = order.map((i) => [i, ...this.place(i)]).filter(([, x, y]) => Number.isFinite(x + y));
    placed.sort((one, other) => rank(one[0]) - rank(other[0]) || one[3] - other[3]); // far ones first, the front on top
    for (const [i, x, y, depth] of placed) drawTrial(ctx, i, x, y, 3.4 + 0.9 * depth);
  }
  drawBox(ctx) {
    const [ca, sa, , se] = this.turned, near = [ca > 0 ? 1 : -1, sa > 0 ? 1 : -1, se > 0 ? 1 : -1];
    ctx.lineWidth = 1;
    for (let axis = 0; axis < 3; axis++) { // grid lines on the three walls that are turned away
      const [u, v] = [(axis + 1) % 3, (axis + 2) % 3];
      for (const [along, across] of [[u, v], [v, u]]) {
        for (const tick of scales.get(this.names[along]).ticks(4)) {
          const p = [0, 0, 0], q = [0, 0, 0];
          p[axis] = q[axis] = -near[axis];
          p[along] = q[along] = 2 * scales.get(this.names[along]).unit(tick) - 1;
          p[across] = -1; q[across] = 1;
          ctx.strokeStyle = colours.line;
          line(ctx, ...this.project(...p).slice(0, 2), ...this.project(...q).slice(0, 2));
        }
      }
    }
    // each axis on an edge of the floor or of the left-most upright, so that its numbers lie outside
    const uprights = [[1, 1], [1, -1], [-1, 1], [-1, -1]].map(([x, y]) => [x, y, this.project(x, y, 0)[0]]);
    const [lx, ly] = uprights.reduce((left, one) => (one[2] < left[2] ? one : left));
    const edges = [(t) => [t, near[1], -near[2]], (t) => [near[0], t, -near[2]], (t) => [lx, ly, t]];
    const [cx, cy] = [this.width / 2, 0.47 * this.height];
    edges.forEach((edge, axis) => {
      const from = this.project(...edge(-1)), to = this.project(...edge(1)), middle = this.project(...edge(0));
      ctx.strokeStyle = colours.faint;
      line(ctx, from[0], from[1], to[0], to[1]);
      // outward: away from the middle of the picture, at right angles to the edge
      const length = Math.hypot(to[0] - from[0], to[1] - from[1]) || 1;
      let [nx, ny] = [(to[1] - from[1]) / length, -(to[0] - from[0]) / length];
      if (nx * (middle[0] - cx) + ny * (middle[1] - cy) < 0) [nx, ny] = [-nx, -ny];
      ctx.fillStyle = colours.faint;
      ctx.textBaseline = "middle";
      ctx.textAlign = nx > 0.3 ? "left" : nx < -0.3 ? "right" : "center";
      const scale = scales.get(this.names[axis]);
      for (const tick of scale.ticks(4)) {
        const [x, y] = this.project(...edge(2 * scale.unit(tick) - 1));
        line(ctx, x, y, x + 4 * nx, y + 4 * ny);
        ctx.fillText(text(tick), x + 9 * nx, y + 9 * ny);
      }
      ctx.fillStyle = colours.ink;
      ctx.font = "600 13px system-ui, 'DejaVu Sans', sans-serif";
      const label = byName.get(this.names[axis]).label;
      if (axis === 2) { ctx.textAlign = "left"; ctx.fillText(label, Math.max(4, to[0] - 30), to[1] - 16); }
      else {
        const wide = ctx.measureText(label).width, wanted = middle[0] + 44 * nx - (nx < 0 ? wide : 0);
        const x = Math.max(2, Math.min(this.width - wide - 2, wanted));
        ctx.textAlign = "left"; // a label moved back from the border is lowered, so that it does not cover the numbers
        ctx.fillText(label, x, middle[1] + 40 * ny + Math.min(30, Math.abs(x - wanted)));
      }
      ctx.font = "12px system-ui, 'DejaVu Sans', sans-serif";
    });
  }
  drawSelected(ctx, i) {
    const [x, y] = this.place(i);
    if (!Number.isFinite(x + y)) return;
    const [u, v] = this.names.map((name) => 2 * units.get(name)[i] - 1), floor = this.project(u, v, this.turned[3] > 0 ? -1 : 1);
    ctx.strokeStyle = colours.negative; ctx.lineWidth = 1; ctx.setLineDash([3, 3]);
    line(ctx, x, y, floor[0], floor[1]); // down to the floor, to show the position
    ctx.setLineDash([]);
    ring(ctx, x, y);
  }
}

// A line per trial across all couplings and objectives; dragging along an axis filters the trials.
class Parallel extends View {
  constructor(holder) {
    super(holder, 360);
    this.over.addEventListener("pointerdown", (event) => {
      const axis = this.axisAt(event.offsetX);
      this.dragged = false;
      if (axis >= 0) { this.start = [axis, this.unitAt(event.offsetY)]; this.over.setPointerCapture(event.pointerId); }
    });
    this.over.addEventListener("pointerup", () => { this.start = null; });
    this.over.addEventListener("dblclick", () => { brushes.clear(); redrawAll(); });
  }
  axisX(k) { return 46 + (k * (this.width - 92)) / Math.max(columns.length - 1, 1); }
  // axis names are slanted if the axes are close together, as on a phone
  get slanted() { return this.axisX(1) - this.axisX(0) < 64; }
  get top() { return this.slanted ? 92 : 50; }
  axisY(t) { return this.height - 26 - t * (this.height - 26 - this.top); }
  unitAt(y) { return Math.max(0, Math.min(1, (this.height - 26 - y) / (this.height - 26 - this.top))); }
  axisAt(x) { return columns.findIndex((_, k) => Math.abs(this.axisX(k) - x) < 14); }
  place(i) { return [this.axisX(0), this.axisY(units.get(columns[0].name)[i])]; }
  path(i) { return columns.flatMap((column, k) => { const y = this.axisY(units.get(column.name)[i]); return Number.isFinite(y) ? [this.axisX(k), y] : []; }); }
  draw(ctx) {
    const faint = Math.max(0.05, Math.min(0.5, 40 / count));
    for (const i of order) {
      const chosen = isChosen(i);
      ctx.globalAlpha = !chosen ? 0.02 : record.pareto[i] ? Math.max(0.9 - count / 6000, 0.45) : record.feasible[i] ? faint : 0.6 * faint;
      ctx.strokeStyle = chosen && record.feasible[i] ? colours.kinds[record.kind[i]] : colours.faint;
      ctx.lineWidth = record.pareto[i] ? 1.6 : 1;
      line(ctx, ...this.path(i));
    }
    ctx.globalAlpha = 1;
    columns.forEach((column, k) => this.drawAxis(ctx, column, k));
  }
  drawAxis(ctx, column, k) {
    const x = this.axisX(k), scale = scales.get(column.name), brush = brushes.get(column.name);
    ctx.strokeStyle = colours.ink; ctx.lineWidth = 1; ctx.textAlign = "center"; ctx.textBaseline = "middle";
    line(ctx, x, this.axisY(0), x, this.axisY(1));
    ctx.font = "11px system-ui, 'DejaVu Sans', sans-serif";
    for (const tick of scale.ticks(4)) {
      const y = this.axisY(scale.unit(tick)), word = text(tick), wide = ctx.measureText(word).width + 4;
      ctx.fillStyle = colours.paper; ctx.globalAlpha = 0.75; ctx.fillRect(x - wide / 2, y - 7, wide, 14);
      ctx.globalAlpha = 1; ctx.fillStyle = colours.faint; ctx.fillText(word, x, y);
    }
    ctx.fillStyle = colours.ink; ctx.font = `${column.is_objective ? "600 " : ""}12px system-ui, 'DejaVu Sans', sans-serif`;
    if (this.slanted) {
      ctx.save(); ctx.translate(x, this.top - 10); ctx.rotate(-Math.PI / 3); ctx.textAlign = "left";
      ctx.fillText(column.label, 0, 0); ctx.restore();
    } else {
      const words = column.label.length > 9 ? column.label.split(/ |(?<=_)/) : [column.label];
      words.forEach((word, w) => ctx.fillText(word, x, 34 - 14 * (words.length - 1 - w)));
    }
    if (brush) {
      ctx.fillStyle = colours.negative; ctx.globalAlpha = 0.35;
      ctx.fillRect(x - 6, this.axisY(brush[1]), 12, this.axisY(brush[0]) - this.axisY(brush[1]));
      ctx.globalAlpha = 1;
    }
  }
  drawSelected(ctx, i) {
    const path = this.path(i);
    ctx.strokeStyle = colours.negative; ctx.lineWidth = 2.5;
    line(ctx, ...path);
    ctx.fillStyle = colours.negative;
    for (let k = 0; k < path.length; k += 2) mark(ctx, "o", path[k], path[k + 1], 3.5, true);
  }
  moved(event) {
    this.over.style.cursor = this.axisAt(event.offsetX) >= 0 ? "ns-resize" : "default";
    if (!this.start || !event.buttons) { super.moved(event); return; }
    const [axis, from] = this.start, to = this.unitAt(event.offsetY);
    if (!this.dragged && Math.abs(from - to) < 0.015) return;
    this.dragged = true;
    brushes.set(columns[axis].name, [Math.min(from, to), Math.max(from, to)]);
    redrawAll();
  }
  nearest(x, y) {
    const k = Math.max(0, Math.min(columns.length - 2, Math.floor(((x - 46) / (this.width - 92)) * (columns.length - 1))));
    if (columns.length < 2) return -1;
    const t = (x - this.axisX(k)) / (this.axisX(k + 1) - this.axisX(k));
    const [left, right] = [units.get(columns[k].name), units.get(columns[k + 1].name)];
    let best = -1, least = 12;
    for (const i of order) {
      const d = Math.abs(this.axisY(left[i] + t * (right[i] - left[i])) - y);
      if (d <= least && isChosen(i)) { best = i; least = d; }
    }
    return best;
  }
}

function redrawAll() {
  const chosen = order.filter(isChosen).length, words = document.getElementById("chosen");
  if (words) words.textContent = brushes.size ? `${chosen} of ${count} trials are within the marked ranges. ` : "";
  const clear = document.getElementById("clear");
  if (clear) clear.hidden = !brushes.size;
  for (const view of views) view.redraw();
}
