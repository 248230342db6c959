// Ranges of columns: dragged in the parallel coordinates or typed; they filter every picture and the table.
"use strict";
const form = document.getElementById("ranges");

// After the ranges have changed: pictures, table, and the list of ranges.
function filtered() {
  redrawAll();
  fillTable(0);
  if (!form) return;
  const list = document.getElementById("chosen");
  list.replaceChildren();
  if (ranges.size) list.append(`${order.filter(isChosen).length} of ${count} trials lie within: `);
  for (const [key, [from, to]] of ranges) {
    const column = byName.get(key), chip = button(list, "", () => { ranges.delete(key); filtered(); }, { class: "chip", "aria-label": `remove the range of ${plain(column.label)}` });
    chip.append(`${bound(from)} ≤ ${plain(column.label)} ≤ ${bound(to)} ×`);
  }
  if (ranges.size > 1) button(list, "show all", () => { ranges.clear(); filtered(); });
}
const bound = (value) => (Number.isFinite(value) ? text(value, 4) : value > 0 ? "∞" : "−∞");

form?.addEventListener("submit", (event) => {
  event.preventDefault();
  const [from, to] = ["from", "to"].map((key) => form.elements[key].value);
  ranges.set(form.elements.column.value, [from === "" ? -Infinity : Number(from), to === "" ? Infinity : Number(to)]);
  filtered();
});
