// The certificate of a trial as a list: every check with its mark, its value and its limit.
"use strict";
function showCertificate(parent, i) {
  const certified = byName.get("certified")?.values[i] ?? null, status = record.statuses[record.status[i]];
  const verdict = certified === null ? status : `${certified ? "passes every check" : "fails a check"}, ${status}`;
  make("p", parent, verdict, { class: certified === 0 ? "failed" : "" });
  const list = make("table", parent, "", { class: "checks" });
  for (const check of record.checks) {
    const column = byName.get(check.name), value = column?.values[i] ?? null;
    if (value === null) continue;
    const row = marked(list, !isFailed(check, i));
    row.dataset.name = check.name;
    name(make("th", row, "", { scope: "row" }), column);
    make("td", row, text(value, 2), { class: "n" });
    make("td", row, check.limit, { class: "note" });
  }
  for (const reason of record.reasons[record.number[i]] ?? []) make("td", marked(list, false), reason, { colspan: 3 });
  make("h4", parent, "Constraints");
  const demands = make("table", parent, "", { class: "checks" });
  for (const constraint of record.constraints) {
    make("td", marked(demands, !isFailed(constraint, i)), constraint.words, { title: constraint.name });
  }
}

// A row that begins with its mark, which is a word for those who do not see it.
function marked(table, passes) {
  const row = make("tr", table, "", { class: passes ? "passes" : "fails" });
  make("td", row, passes ? "✓" : "✗", { class: "mark", role: "img", "aria-label": passes ? "passes" : "fails" });
  return row;
}
