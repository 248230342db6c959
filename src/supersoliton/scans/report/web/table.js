// The table of trials: sorted by a click on a heading, filtered by the ranges, in pages, and saved as CSV.
"use strict";
const holder = document.getElementById("table"), PAGE = 20;
const WORDS = { // columns of text
  kind: { label: "kind", meaning: "kind of the state", of: (i) => record.kinds[record.kind[i]].name },
  violated: { label: "violated constraints", meaning: "constraints with a value above 0", of: (i) => record.constraints.filter((one) => isFailed(one, i)).map((one) => one.name).join(", ") },
  remarks: { label: "remarks", meaning: "why the state is not certified, and how the solver ended", of: (i) => [...(record.reasons[record.number[i]] ?? []), record.statuses[record.status[i]]].filter((word) => word !== "converged").join("; ") },
};
const table = { sort: null, down: false, page: 0, which: record.pareto.some(Boolean) ? "front" : "all", shown: record.shown };

const valueOf = (key, i) => (WORDS[key] ? WORDS[key].of(i) : byName.get(key).values[i]);

// The trials of the table, in its order: the better ones first at the beginning, of the front in the order of the page's list.
function listed() {
  const rows = record.listed.filter((i) => isChosen(i) && (table.which === "all" || (table.which === "front" ? record.pareto[i] : record.feasible[i])));
  if (!table.sort) return rows;
  const known = (i) => { const v = valueOf(table.sort, i); return v !== null && v !== ""; };
  const compare = (a, b) => (typeof a === "string" ? a.localeCompare(b) : a - b);
  rows.sort((i, j) => known(j) - known(i) || (known(i) ? (table.down ? -1 : 1) * compare(valueOf(table.sort, i), valueOf(table.sort, j)) : 0));
  return rows; // without a value: last, however it is sorted
}

function sortBy(key) {
  const first = byName.get(key)?.sign === -1 || !byName.has(key) || byName.get(key).group === "order" ? false : true; // the largest first, unless less is better
  Object.assign(table, { sort: key, down: table.sort === key ? !table.down : first });
  fillTable(0, key);
}

function fillTable(page, focus = null) {
  if (!holder) return;
  const rows = listed(), pages = Math.max(1, Math.ceil(rows.length / PAGE));
  table.page = Math.max(0, Math.min(pages - 1, page));
  holder.replaceChildren();
  const node = make("table", make("div", holder, "", { class: "scroll", tabindex: 0, role: "region", "aria-label": "table of trials" }), "", { class: "trials" });
  const head = make("tr", make("thead", node));
  for (const key of table.shown) {
    const cell = make("th", head, "", { scope: "col", "data-name": key, class: WORDS[key] ? "" : "n", "aria-sort": table.sort !== key ? "none" : table.down ? "descending" : "ascending" });
    const press = button(cell, "", () => sortBy(key), { class: "head" });
    name(press, WORDS[key] ?? byName.get(key));
    make("span", press, table.sort !== key ? "" : table.down ? " ▼" : " ▲", { "aria-hidden": true });
    if (focus === key) press.focus();
  }
  const body = make("tbody", node), start = table.page * PAGE;
  for (const i of rows.slice(start, start + PAGE)) fillRow(make("tr", body, "", { "data-trial": record.number[i] }), i);
  const foot = make("p", holder, "", { class: "pager" });
  button(foot, "‹ previous", () => fillTable(table.page - 1)).disabled = table.page === 0;
  make("span", foot, rows.length ? ` ${start + 1} to ${Math.min(start + PAGE, rows.length)} of ${rows.length} ` : " no trial ", { role: "status" });
  button(foot, "next ›", () => fillTable(table.page + 1)).disabled = table.page >= pages - 1;
}

function fillRow(row, i) {
  row.addEventListener("pointerenter", () => hover(i));
  row.addEventListener("pointerleave", () => hover(-1));
  row.addEventListener("click", () => openTrial(i, row.querySelector("button")));
  for (const key of table.shown) {
    const column = byName.get(key);
    if (key === "number") make("button", make("td", row, "", { class: "n" }), record.number[i], { type: "button", class: "link", "aria-label": `open trial ${record.number[i]}` });
    else if (WORDS[key]) make("td", row, WORDS[key].of(i) || "–", { class: key === "kind" ? "" : "words" });
    else make("td", row, text(column.values[i], column.digits), { class: column.group === "objective" ? "n goal" : "n" });
  }
}

// All pages of the table as CSV, with the names of trials.csv.
function csv() {
  const cell = (value) => { const word = value === null ? "" : String(value); return /[",\n\r]/.test(word) ? `"${word.replaceAll('"', '""')}"` : word; };
  return [table.shown, ...listed().map((i) => table.shown.map((key) => valueOf(key, i)))].map((row) => row.map(cell).join(",")).join("\r\n") + "\r\n";
}

function download() {
  const link = make("a", null, "", { href: URL.createObjectURL(new Blob([csv()], { type: "text/csv" })), download: `${record.name}-${table.which}.csv` });
  link.click();
  URL.revokeObjectURL(link.href);
}

function fillColumns(list) {
  for (const key of ["number", "kind", ...record.columns.map((column) => column.name).filter((key) => key !== "number"), "violated", "remarks"]) {
    const label = make("label", list), box = make("input", label, "", { type: "checkbox", value: key });
    box.checked = table.shown.includes(key);
    box.addEventListener("change", () => {
      const wanted = new Set([...list.querySelectorAll("input:checked")].map((one) => one.value));
      table.shown = [...table.shown.filter((one) => wanted.has(one)), ...[...wanted].filter((one) => !table.shown.includes(one))];
      fillTable(table.page);
    });
    name(label, WORDS[key] ?? byName.get(key), false);
  }
}

if (holder) {
  const which = document.getElementById("which");
  which.value = table.which;
  which.addEventListener("change", () => { table.which = which.value; fillTable(0); });
  document.getElementById("csv").addEventListener("click", download);
  fillColumns(document.getElementById("columns"));
  fillTable(0);
}
