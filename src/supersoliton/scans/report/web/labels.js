// Names as physicists write them: "m_{0}^{2}" as m₀² on a canvas, in HTML, and as plain text.
"use strict";
const DIGITS = { _: "₀₁₂₃₄₅₆₇₈₉", "^": "⁰¹²³⁴⁵⁶⁷⁸⁹" };

// "λ_{H}" -> [["", "λ"], ["_", "H"]]
function pieces(label) {
  return [...label.matchAll(/([_^])\{([^}]*)\}|((?:(?![_^]\{).)+)/gsu)].map(([, place, index, word]) => [place ?? "", index ?? word]);
}

function plain(label) {
  return pieces(label).map(([place, word]) => {
    if (!place) return word;
    return /^\d+$/.test(word) ? [...word].map((digit) => DIGITS[place][digit]).join("") : `${place}${word}`;
  }).join("");
}

// The label and unit of a column as nodes under `parent`; its definition appears on hover.
function name(parent, column, withUnit = true) {
  const node = make("span", parent, "", column.meaning ? { class: "defined", title: definition(column) } : {});
  for (const [place, word] of pieces(column.label)) make(place === "_" ? "sub" : place ? "sup" : "span", node, word);
  if (withUnit && column.unit) make("small", node, ` [${column.unit}]`);
  return node;
}

function definition(column) {
  return `${plain(column.label)}: ${column.meaning}${column.unit ? ` [${column.unit}]` : ""}`;
}

const title = (column) => plain(column.label) + (column.unit ? ` [${column.unit}]` : "");

function widthOf(ctx, column) {
  return drawn(ctx, column).reduce((sum, [, , width]) => sum + width, 0);
}

// A name without an index, cut to a width.
function cut(ctx, words, room) {
  let shown = words;
  while (shown.length > 1 && ctx.measureText(shown).width > room) shown = `${shown.replace(/…$/, "").slice(0, -1)}…`;
  return shown;
}

// The words of a name in at most `most` lines of a width.
function wrapped(ctx, words, room, most) {
  const lines = [];
  for (const word of words.split(" ")) {
    const longer = `${lines.at(-1) ?? ""} ${word}`.trim();
    if (lines.length && (lines.length === most || ctx.measureText(longer).width <= room)) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines.map((one) => cut(ctx, one, room));
}

// Pieces with the font and width that each has on a canvas.
function drawn(ctx, column) {
  const font = ctx.font, small = font.replace(/(\d+)px/, (_, size) => `${Math.round(0.72 * size)}px`);
  const parts = [...pieces(column.label), ...(column.unit ? [["", ` [${column.unit}]`]] : [])];
  const measured = parts.map(([place, word]) => {
    ctx.font = place ? small : font;
    return [place, word, ctx.measureText(word).width];
  });
  ctx.font = font;
  return measured;
}

// Write a label at (x, y), aligned as ctx.textAlign says.
function write(ctx, column, x, y) {
  const parts = drawn(ctx, column), align = ctx.textAlign, font = ctx.font, size = parseFloat(font.match(/(\d+)px/)[1]);
  const width = parts.reduce((sum, part) => sum + part[2], 0);
  let at = x - (align === "center" ? width / 2 : align === "right" ? width : 0), last = "";
  ctx.textAlign = "left";
  let start = at;
  for (const [place, word, wide] of parts) {
    const stacked = last && place && place !== last; // an exponent stands above the index before it
    if (place) ctx.font = font.replace(/(\d+)px/, `${Math.round(0.72 * size)}px`);
    const left = stacked ? start : at;
    ctx.fillText(word, left, y + (place === "_" ? 0.25 : place ? -0.35 : 0) * size);
    ctx.font = font;
    start = left;
    at = Math.max(at, left + wide);
    last = place;
  }
  ctx.textAlign = align;
}
