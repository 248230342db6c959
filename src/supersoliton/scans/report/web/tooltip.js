// The card at the pointer: the trial under it, its values on the axes of the view, and its objectives.
"use strict";
const tip = make("div", document.body, "", { id: "tip", role: "status" });
tip.hidden = true;

function showTip(i, at, view) {
  tip.hidden = i < 0 || !at;
  if (tip.hidden) return;
  tip.replaceChildren();
  tip.dataset.number = record.number[i];
  make("b", tip, `Trial ${record.number[i]}`);
  make("span", tip, ` ${record.kinds[record.kind[i]].word}${record.pareto[i] ? ", on the front" : record.feasible[i] ? "" : ", violates a constraint"}`);
  const table = make("table", tip);
  for (const column of new Set([...view.axes.map((axis) => byName.get(axis)), ...objectives])) {
    if (!column || column.name === "number") continue;
    const row = make("tr", table, "", { "data-name": column.name });
    name(make("th", row, "", { scope: "row" }), column);
    make("td", row, text(column.values[i], 5));
  }
  const wide = tip.offsetWidth, high = tip.offsetHeight, gap = 14;
  const left = at.clientX + gap + wide > innerWidth ? Math.max(4, at.clientX - gap - wide) : at.clientX + gap;
  tip.style.left = `${left}px`;
  tip.style.top = `${Math.max(4, Math.min(at.clientY + gap, innerHeight - high - 4))}px`;
}
