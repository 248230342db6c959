// A line per trial across all couplings and objectives; dragging along an axis filters the trials.
"use strict";
class Parallel extends View {
  constructor(holder) {
    super(holder, 360);
    this.columns = [...parameters, ...objectives];
    this.over.addEventListener("pointerdown", (event) => {
      const axis = this.axisAt(event.offsetX);
      this.dragged = false;
      if (axis >= 0) { this.start = [axis, this.unitAt(event.offsetY)]; this.over.setPointerCapture(event.pointerId); }
    });
    this.over.addEventListener("pointerup", () => { this.start = null; });
    this.over.addEventListener("dblclick", () => { ranges.clear(); filtered(); });
  }
  get axes() { return this.columns.map((column) => column.name); }
  axisX(k) { return 46 + (k * (this.width - 92)) / Math.max(this.columns.length - 1, 1); }
  // axis names are slanted if the axes are close together, as on a phone
  get slanted() { return this.axisX(1) - this.axisX(0) < 64; }
  get top() { return this.slanted ? 92 : 50; }
  axisY(t) { return this.height - 26 - t * (this.height - 26 - this.top); }
  unitAt(y) { return Math.max(0, Math.min(1, (this.height - 26 - y) / (this.height - 26 - this.top))); }
  axisAt(x) { return this.columns.findIndex((_, k) => Math.abs(this.axisX(k) - x) < 14); }
  place(i) { return [this.axisX(0), this.axisY(unitsOf(this.columns[0].name)[i])]; }
  path(i) { return this.columns.flatMap((column, k) => { const y = this.axisY(unitsOf(column.name)[i]); return Number.isFinite(y) ? [this.axisX(k), y] : []; }); }
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
    this.columns.forEach((column, k) => this.drawAxis(ctx, column, k));
  }
  drawAxis(ctx, column, k) {
    const x = this.axisX(k), scale = scaleOf(column.name), range = ranges.get(column.name);
    ctx.strokeStyle = colours.ink; ctx.lineWidth = 1; ctx.textAlign = "center"; ctx.textBaseline = "middle";
    line(ctx, x, this.axisY(0), x, this.axisY(1));
    ctx.font = "11px system-ui, 'DejaVu Sans', sans-serif";
    for (const tick of scale.ticks(4)) {
      const y = this.axisY(scale.unit(tick)), word = text(tick), wide = ctx.measureText(word).width + 4;
      ctx.fillStyle = colours.paper; ctx.globalAlpha = 0.75; ctx.fillRect(x - wide / 2, y - 7, wide, 14);
      ctx.globalAlpha = 1; ctx.fillStyle = colours.faint; ctx.fillText(word, x, y);
    }
    ctx.fillStyle = colours.ink; ctx.font = `${column.group === "objective" ? "600 " : ""}12px system-ui, 'DejaVu Sans', sans-serif`;
    const short = !/[_^]\{/.test(column.label) && widthOf(ctx, { label: column.label }) > 50; // words, which may be long
    if (this.slanted) {
      ctx.save(); ctx.translate(x, this.top - 10); ctx.rotate(-Math.PI / 3); ctx.textAlign = "left";
      write(ctx, short ? { label: cut(ctx, column.label, 0.95 * this.top) } : column, 0, 0); ctx.restore();
    } else {
      const lines = short ? wrapped(ctx, column.label, this.axisX(1) - this.axisX(0) - 4, 3) : [column.label];
      lines.forEach((words, w) => write(ctx, { label: words }, x, 34 - 14 * (lines.length - 1 - w)));
    }
    if (range) {
      const [from, to] = range.map((v) => Math.max(0, Math.min(1, scale.unit(v))));
      ctx.fillStyle = colours.negative; ctx.globalAlpha = 0.35;
      ctx.fillRect(x - 6, this.axisY(to), 12, this.axisY(from) - this.axisY(to));
      ctx.globalAlpha = 1;
    }
  }
  drawSelected(ctx, i, colour) {
    const path = this.path(i);
    ctx.strokeStyle = colour; ctx.lineWidth = 2.5;
    line(ctx, ...path);
    ctx.fillStyle = colour;
    for (let k = 0; k < path.length; k += 2) mark(ctx, "o", path[k], path[k + 1], 3.5, true);
  }
  moved(event) {
    this.over.style.cursor = this.axisAt(event.offsetX) >= 0 ? "ns-resize" : "default";
    if (!this.start || !event.buttons) { super.moved(event); return; }
    const [axis, from] = this.start, to = this.unitAt(event.offsetY);
    if (!this.dragged && Math.abs(from - to) < 0.015) return;
    this.dragged = true;
    const column = this.columns[axis], scale = scaleOf(column.name);
    ranges.set(column.name, [scale.value(Math.min(from, to)), scale.value(Math.max(from, to))]);
    filtered();
  }
  nearest(x, y) {
    const k = Math.max(0, Math.min(this.columns.length - 2, Math.floor(((x - 46) / (this.width - 92)) * (this.columns.length - 1))));
    if (this.columns.length < 2) return -1;
    const t = (x - this.axisX(k)) / (this.axisX(k + 1) - this.axisX(k));
    const [left, right] = [k, k + 1].map((c) => unitsOf(this.columns[c].name));
    let best = -1, least = 12;
    for (const i of order) {
      const d = Math.abs(this.axisY(left[i] + t * (right[i] - left[i])) - y);
      if (d <= least && isChosen(i)) { best = i; least = d; }
    }
    return best;
  }
}
