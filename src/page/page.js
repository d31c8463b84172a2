// page.js - what both pages share. Everything in the data is hostile (names of devices and processes, texts of rules), so it
// reaches the document as text only: make() sets textContent and attributes, and nothing here parses markup.
"use strict";

// For the tests, and for whoever finds an empty page: what went wrong stands in the document.
window.addEventListener("error", (event) => report(event.message));
document.addEventListener("securitypolicyviolation", (event) => report(`refused: ${event.violatedDirective}`));

function report(message) {
  const root = document.documentElement;
  root.dataset.error = root.dataset.error ? `${root.dataset.error}; ${message}` : message;
  const place = document.getElementById("trouble");
  if (!place) return;
  place.hidden = false;
  place.textContent = `This page could not be drawn: ${root.dataset.error}`;
}

// Control characters, and those that turn the direction of writing or take no room: a name could look like another.
const kUnseen =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;
const visible = (text) => String(text).replace(kUnseen, "\ufffd");

// make("p", {class: "note", data: {order: 3}}, "text", child, ...): children that are null are left out.
function make(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === undefined || value === null) continue;
    if (name === "data") for (const [key, item] of Object.entries(value)) { if (item !== undefined) node.dataset[key] = item; }
    else node.setAttribute(name, visible(value));
  }
  for (const child of children.flat()) {
    if (child === null || child === undefined || child === "") continue;
    node.append(child instanceof Node ? child : visible(child));
  }
  return node;
}

const readData = () => JSON.parse(document.getElementById("data").textContent);

// 840 ns, 12.4 µs, 1.20 ms, 2.50 s
function duration(nanoseconds) {
  if (nanoseconds < 1000) return `${nanoseconds} ns`;
  const units = [["µs", 1e3], ["ms", 1e6], ["s", 1e9]];
  const [unit, size] = units.find(([, bytes], at) => at === 2 || nanoseconds < bytes * 999.5);
  const value = nanoseconds / size;
  return `${value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0)} ${unit}`;
}

const plural = (count, noun) => `${count} ${noun}${count === 1 ? "" : "s"}`;

const isSix = (address) => address.includes(":");
function endpoint(address, port) {
  if (!port) return address;
  return isSix(address) ? `[${address}]:${port}` : `${address}:${port}`;
}

// Rows of a definition list; what is not known is left out.
function definitions(rows) {
  const list = make("dl");
  for (const [term, value] of rows) {
    if (value === undefined || value === null || value === "") continue;
    list.append(make("dt", null, term), make("dd", null, make("bdi", null, value)));
  }
  return list;
}

// What is pointed at shows in the panel; what is clicked stays there until Escape or another click. `describe(node)` makes the
// panel's content. Of all that `selector` finds, one is a stop of the Tab key; arrows go on from there.
function explore({ field, selector, panel, describe, idle }) {
  let pinned = null;
  let current = null;
  const all = () => [...field.querySelectorAll(selector)];
  const show = (node) => {
    if (node === current) return;
    current?.classList.remove("current");
    current = node;
    node?.classList.add("current");
    panel.replaceChildren(...(node ? describe(node) : idle()));
  };
  const pin = (node) => {
    pinned?.removeAttribute("aria-current");
    pinned = node;
    node?.setAttribute("aria-current", "true");
    show(node);
  };
  field.addEventListener("pointerover", (event) => {
    const node = event.target.closest(selector);
    if (node) show(node);
  });
  field.addEventListener("pointerleave", () => show(pinned));
  field.addEventListener("focusin", (event) => {
    const node = event.target.closest(selector);
    if (!node) return;
    for (const other of field.querySelectorAll(`${selector}[tabindex="0"]`)) other.tabIndex = -1;
    node.tabIndex = 0;
    show(node);
  });
  field.addEventListener("click", (event) => {
    if (String(getSelection())) return;  // it was a selection of text that ended here
    const node = event.target.closest(selector);
    pin(node === pinned ? null : node);
  });
  field.addEventListener("keydown", (event) => {
    const node = event.target.closest(selector);
    const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
    if (event.key === "Escape") pin(null);
    if (!node) return;
    if (event.key === "Enter" || event.key === " ") pin(node);
    else if (event.key === "Home") all()[0].focus();
    else if (event.key === "End") all().at(-1).focus();
    else if (step) all()[all().indexOf(node) + step]?.focus();
    else return;
    event.preventDefault();
  });
  return {
    // After the field was drawn anew.
    reset() {
      pinned = current = null;
      const first = field.querySelector(selector);
      if (first) first.tabIndex = 0;
      panel.replaceChildren(...idle());
    },
  };
}

// What the page cost, for the tests and for curious people: milliseconds since its loading began, and the size of the document.
function ready() {
  requestAnimationFrame(() => setTimeout(() => {
    const root = document.documentElement;
    root.dataset.renderedMs = performance.now().toFixed(1);
    root.dataset.nodes = document.getElementsByTagName("*").length;
    root.dataset.ready = "true";
  }));
}
