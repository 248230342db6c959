// Three columns as a cube: drag or arrow keys rotate, + and - (or the wheel with Ctrl) zoom.
"use strict";
class Cube extends View {
  constructor(holder) {
    super(holder, 520);
    Object.assign(this, { x: holder.dataset.x, y: holder.dataset.y, z: holder.dataset.z });
    this.reset();
    const canvas = this.over;
    canvas.addEventListener("pointerdown", (event) => {
      this.from = [event.clientX, event.clientY]; this.dragged = false; canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointerup", () => { this.from = null; });
    canvas.addEventListener("pointercancel", () => { this.from = null; });
    canvas.addEventListener("wheel", (event) => {
      if (event.ctrlKey || event.metaKey) { event.preventDefault(); this.turn(0, 0, Math.exp(-event.deltaY / 500)); }
    }, { passive: false });
    canvas.addEventListener("dblclick", () => { this.reset(); this.redraw(); });
  }
  get axes() { return [this.x, this.y, this.z]; }
  pressed(event) { // the arrow keys rotate here
    const turns = { ArrowLeft: [-8, 0, 1], ArrowRight: [8, 0, 1], ArrowUp: [0, 8, 1], ArrowDown: [0, -8, 1], "+": [0, 0, 1.15], "-": [0, 0, 1 / 1.15] };
    if (event.key in turns) { event.preventDefault(); this.turn(...turns[event.key]); }
    if (event.key === "Home") { this.reset(); this.redraw(); }
  }
  reset() { this.azimuth = 35; this.elevation = 22; this.zoom = 1; this.aim(); }
  turn(across, up, zoom) {
    this.azimuth = (this.azimuth + across + 360) % 360;
    this.elevation = Math.max(0, Math.min(89, this.elevation + up));
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
    hover(-1);
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
    const size = 0.27 * Math.min(this.width, 1.1 * this.height) * this.zoom * (6 / (6 - depth));
    return [this.width / 2 + size * right, 0.47 * this.height - size * up, depth];
  }
  place(i) {
    const [x, y, z] = this.axes.map((axis) => 2 * unitsOf(axis)[i] - 1);
    return this.project(x, y, z);
  }
  draw(ctx) {
    this.drawBox(ctx);
    const placed = order.map((i) => [i, ...this.place(i)]).filter(([, x, y]) => Number.isFinite(x + y));
    placed.sort((one, other) => rank(one[0]) - rank(other[0]) || one[3] - other[3]); // far ones first, the front on top
    for (const [i, x, y, depth] of placed) drawTrial(ctx, i, x, y, 3.4 + 0.9 * depth);
    this.drawNumbers(ctx);
  }
  drawBox(ctx) {
    const [ca, sa, , se] = this.turned, near = [ca > 0 ? 1 : -1, sa > 0 ? 1 : -1, se > 0 ? 1 : -1];
    ctx.lineWidth = 1;
    for (let axis = 0; axis < 3; axis++) { // grid lines on the three walls that are turned away
      const [u, v] = [(axis + 1) % 3, (axis + 2) % 3];
      for (const [along, across] of [[u, v], [v, u]]) {
        for (const tick of scaleOf(this.axes[along]).ticks(4)) {
          const p = [0, 0, 0], q = [0, 0, 0];
          p[axis] = q[axis] = -near[axis];
          p[along] = q[along] = 2 * scaleOf(this.axes[along]).unit(tick) - 1;
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
      const scale = scaleOf(this.axes[axis]);
      for (const tick of scale.ticks(4)) {
        const [x, y] = this.project(...edge(2 * scale.unit(tick) - 1));
        line(ctx, x, y, x + 4 * nx, y + 4 * ny);
        ctx.fillText(text(tick), x + 9 * nx, y + 9 * ny);
      }
      ctx.fillStyle = colours.ink;
      ctx.font = "600 13px system-ui, 'DejaVu Sans', sans-serif";
      const label = byName.get(this.axes[axis]);
      if (axis === 2) { ctx.textAlign = "left"; write(ctx, label, Math.max(4, to[0] - 30), to[1] - 16); }
      else {
        const wide = widthOf(ctx, label), wanted = middle[0] + 44 * nx - (nx < 0 ? wide : 0);
        const x = Math.max(2, Math.min(this.width - wide - 2, wanted));
        ctx.textAlign = "left"; // a label moved back from the border is lowered, so that it does not cover the numbers
        write(ctx, label, x, middle[1] + 40 * ny + Math.min(30, Math.abs(x - wanted)));
      }
      ctx.font = FONT;
    });
  }
  drawSelected(ctx, i, colour) {
    const [x, y] = this.place(i);
    if (!Number.isFinite(x + y)) return;
    const [u, v] = this.axes.map((axis) => 2 * unitsOf(axis)[i] - 1), floor = this.project(u, v, this.turned[3] > 0 ? -1 : 1);
    ctx.strokeStyle = colour; ctx.lineWidth = 1; ctx.setLineDash([3, 3]);
    line(ctx, x, y, floor[0], floor[1]); // down to the floor, to show the position
    ctx.setLineDash([]);
    ring(ctx, x, y, colour);
  }
}
