// Two scans in one picture: this one as everywhere, the other as grey diamonds on axes that hold both.
"use strict";
class Compared extends Projection {
  constructor(holder) {
    super(holder);
    for (const axis of ["x", "y"]) {
      const column = byName.get(this[axis]), theirs = record.other.values[this[axis]];
      const scale = makeScale({ ...column, values: [...column.values, ...theirs] });
      this[`${axis}Scale`] = scale;
      this[`${axis}Units`] = column.values.map(scale.unit);
    }
  }
  drawAxes(ctx) {
    super.drawAxes(ctx);
    ctx.strokeStyle = ctx.fillStyle = colours.faint; ctx.lineWidth = 1.4;
    record.other.pareto.forEach((best, i) => {
      const [x, y] = [this.atX(this.xScale.unit(record.other.values[this.x][i])), this.atY(this.yScale.unit(record.other.values[this.y][i]))];
      if (Number.isFinite(x + y)) mark(ctx, "D", x, y, best ? 5 : 2.5, false);
    });
  }
}

for (const holder of document.querySelectorAll("[data-profile]")) {
  const profile = record.other.profiles[holder.dataset.profile];
  if (profile) drawToFit(holder, (size) => drawProfile(holder, profile, size), 300); else make("p", holder, "No profile is stored.");
}
