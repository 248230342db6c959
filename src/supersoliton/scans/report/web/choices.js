// Lists of columns from which the reader chooses the axes and colours of the views around them.
"use strict";
const GROUPS = { objective: "Objectives", coupling: "Couplings", number: "Other numbers", order: "Order" };

function fillChoice(select) {
  const chosen = select.dataset.value ?? "", groups = new Map();
  if (select.dataset.none) make("option", select, select.dataset.none, { value: "" });
  for (const column of record.columns) {
    if (!groups.has(column.group)) groups.set(column.group, make("optgroup", select, "", { label: GROUPS[column.group] }));
    make("option", groups.get(column.group), title(column), { value: column.name });
  }
  select.value = chosen;
}

for (const select of document.querySelectorAll("select[data-axis]")) {
  fillChoice(select);
  select.addEventListener("change", () => {
    for (const view of views) {
      if (!select.closest(".chart").contains(view.holder)) continue;
      view[select.dataset.axis] = select.value;
      view.redraw();
    }
  });
}
if (form) fillChoice(form.elements.column);
