// Elements of the page and of SVG pictures. Text is inserted as text, never as HTML.
"use strict";
const SVG = ["svg", "g", "path", "line", "text", "rect", "circle", "title"];

function make(tag, parent, words, attributes = {}) {
  const node = SVG.includes(tag) ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  if (words !== undefined && words !== "") node.textContent = words;
  for (const [key, value] of Object.entries(attributes)) if (value !== null) node.setAttribute(key, value);
  return parent ? parent.appendChild(node) : node;
}

function button(parent, words, done, attributes = {}) {
  const node = make("button", parent, words, { type: "button", ...attributes });
  node.addEventListener("click", done);
  return node;
}
