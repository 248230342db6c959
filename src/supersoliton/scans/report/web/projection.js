// Two columns against each other, coloured by kind or by a third; with `data-best`, the best value so far as a line.
"use strict";
class Projection extends View {
  constructor(holder) {
    super(holder, Number(holder.dataset.height ?? 280));
    Object.assign(this, { x: holder.dataset.x, y: holder.dataset.y, colour: holder.dataset.colour ?? "" });
  }
  get axes() { return [this.x, this.y, this.colour].filter(Boolean); }
  scale(axis) { return this[`${axis}Scale`] ?? scaleOf(this[axis]); }
  units(axis) { return this[`${axis}Units`] ?? unitsOf(this[axis]); }
  get right() { return this.colour ? 76 : 12; }
  get bottom() { return this.height - 44; }
  atX(t) { return 60 + t * (this.width - 60 - this.right); }
  atY(t) { return this.bottom - t * (this.bottom - 12); }
  place(i) { return [this.atX(this.units("x")[i]), this.atY(this.units("y")[i])]; }
  draw(ctx) {
    this.drawAxes(ctx);
    const shades = this.colour && unitsOf(this.colour);
    for (const i of order) {
      const [x, y] = this.place(i);
      if (!Number.isFinite(x + y) || (shades && !Number.isFinite(shades[i]))) continue;
      drawTrial(ctx, i, x, y, shades ? 4 : 3.2, shades ? shade(shades[i]) : undefined);
    }
    if (shades) this.drawShades(ctx);
    if (this.holder.dataset.best) this.drawBest(ctx);
    else this.drawNumbers(ctx);
  }
  drawAxes(ctx) {
    ctx.strokeStyle = colours.line; ctx.fillStyle = colours.faint; ctx.lineWidth = 1;
    ctx.textAlign = "center"; ctx.textBaseline = "top";
    for (const tick of this.scale("x").ticks(Math.max(3, Math.min(8, this.width / 90)))) {
      const x = this.atX(this.scale("x").unit(tick));
      line(ctx, x, 12, x, this.bottom); ctx.fillText(text(tick), x, this.bottom + 5);
    }
    ctx.textAlign = "right"; ctx.textBaseline = "middle";
    for (const tick of this.scale("y").ticks(5)) {
      const y = this.atY(this.scale("y").unit(tick));
      line(ctx, 60, y, this.width - this.right, y); ctx.fillText(text(tick), 55, y);
    }
    ctx.fillStyle = colours.ink; ctx.textAlign = "center"; ctx.textBaseline = "bottom";
    write(ctx, byName.get(this.x), (this.atX(0) + this.atX(1)) / 2, this.height - 6);
    ctx.save(); ctx.translate(4, (12 + this.bottom) / 2); ctx.rotate(-Math.PI / 2); ctx.textBaseline = "top";
    write(ctx, byName.get(this.y), 0, 0); ctx.restore();
  }
  drawShades(ctx) { // the scale of colours, at the right
    const left = this.width - 58, top = 30, high = this.bottom - top, column = byName.get(this.colour);
    for (let k = 0; k < 60; k++) { ctx.fillStyle = shade(k / 59); ctx.fillRect(left, top + high * (1 - (k + 1) / 60), 12, high / 60 + 1); }
    ctx.fillStyle = colours.faint; ctx.textAlign = "left"; ctx.textBaseline = "middle";
    for (const tick of scaleOf(this.colour).ticks(4)) ctx.fillText(text(tick, 3), left + 16, top + high * (1 - scaleOf(this.colour).unit(tick)));
    ctx.fillStyle = colours.ink; ctx.textAlign = "right";
    write(ctx, { label: column.label }, this.width - 6, 16);
  }
  drawBest(ctx) { // among trials without a violated constraint, in the order of their numbers
    const { values, sign } = byName.get(this.y), at = this.scale("y"), steps = [];
    let best = NaN;
    for (let i = 0; i < count; i++) {
      if (!record.feasible[i] || values[i] === null || sign * values[i] <= sign * best) continue;
      if (steps.length) steps.push(this.place(i)[0], this.atY(at.unit(best)));
      best = values[i];
      steps.push(this.place(i)[0], this.atY(at.unit(best)));
    }
    if (!steps.length) return;
    ctx.strokeStyle = colours.negative; ctx.lineWidth = 2;
    line(ctx, ...steps, this.atX(1), steps.at(-1));
  }
}
