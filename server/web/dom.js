// Building elements. Data only ever becomes text nodes and attributes: nothing here parses HTML, and
// no style attribute is written (the content-security policy forbids it).

// el("button", {class: "mark", type: "button", onclick: open}, "1"). Properties that are null, undefined
// or false are left out; children may be nodes, strings, or lists of them.
export function el(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) {
      node.addEventListener(name.slice(2), value);
    } else {
      node.setAttribute(name, value === true ? "" : value);
    }
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

export const byId = (id) => document.getElementById(id);

// A <dl>'s rows: [["Document", "gpl-3.0.LICENSE"], …].
export function facts(rows) {
  return rows.flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]);
}

// A bar for a share from 0 to 1; the number itself stands beside it as text.
export function bar(share) {
  const fill = el("span", { class: "bar-fill" });
  fill.style.inlineSize = `${Math.round(100 * Math.min(1, Math.max(0, share)))}%`;
  return el("span", { class: "bar", "aria-hidden": "true" }, fill);
}

export const score = (value) => Number(value ?? 0).toFixed(2);

const thousands = new Intl.NumberFormat("en");
export const count = (value) => thousands.format(Number(value ?? 0));

export const plural = (value, one, many = `${one}s`) => `${count(value)} ${Number(value) === 1 ? one : many}`;

export function duration(ms) {
  return ms >= 10000 ? `${(ms / 1000).toFixed(1)} s` : ms >= 100 ? `${Math.round(ms)} ms` : `${ms.toFixed(1)} ms`;
}

// Read out by screen readers; for what sighted people see happen. An open dialog has its own place for it: what lies
// behind a dialog is not read.
export function announce(text) {
  const announcer = document.querySelector("dialog[open] .announcer") ?? byId("announcer");
  announcer.textContent = text;
}
