// The data of the page: the trials with their columns, and which of them the reader has chosen.
"use strict";
const record = JSON.parse(document.getElementById("record").textContent);
const count = record.number.length;
const indexOf = new Map(record.number.map((number, i) => [number, i]));
const byName = new Map(record.columns.map((column) => [column.name, column]));
for (const column of record.columns) { // a column of one value is written once
  if (!Array.isArray(column.values)) column.values = Array(count).fill(column.values);
}
const isFailed = (check, i) => check.failed.has(i);
for (const check of [...record.checks, ...record.constraints]) check.failed = new Set(check.failed);
const objectives = record.columns.filter((column) => column.group === "objective");
const parameters = record.columns.filter((column) => column.group === "coupling");
// The order of drawing: Pareto-optimal trials last, on top of the others.
const rank = (i) => (record.pareto[i] ? 2 : record.feasible[i] ? 1 : 0);
const order = [...Array(count).keys()].sort((i, j) => rank(i) - rank(j));
const crowd = Math.min(1, Math.max(0.45, 25 / Math.sqrt(count))); // many marks are drawn smaller and thinner

const scales = new Map(), units = new Map();
// The scale of a column, and where each trial lies on it, from 0 to 1; made when a view needs it.
function scaleOf(name) {
  if (!scales.has(name)) scales.set(name, makeScale(byName.get(name)));
  return scales.get(name);
}
function unitsOf(name) {
  if (!units.has(name)) units.set(name, Float64Array.from(byName.get(name).values, scaleOf(name).unit));
  return units.get(name);
}

const ranges = new Map(); // column name -> [from, to] in values: only trials within all of them are chosen
function isChosen(i) {
  for (const [name, [from, to]] of ranges) {
    const value = byName.get(name).values[i];
    if (value === null || !(value >= from && value <= to)) return false;
  }
  return true;
}
