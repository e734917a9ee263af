// Small helpers to make elements. Texts only ever become texts.

export const $ = (id) => document.getElementById(id);

/** An element with attributes, and children that are elements or texts. `null` children are left out. */
export function el(tag, attributes = {}, ...children) {
  return dress(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes = {}, ...children) {
  return dress(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function dress(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "onclick") node.addEventListener("click", value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/** Changes a text only when it differs, so that nothing is laid out or read aloud for nothing. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** The sign of a light in its shape: circle, triangle, octagon, dashed circle. They differ without colour. */
export function signOf(light, sign) {
  const node = svg("svg", { viewBox: "0 0 100 100", class: `sign ${light}`, "aria-hidden": "true", focusable: "false" });
  node.append(SHAPES[light]());
  const drawing = DRAWINGS[sign] ?? DRAWINGS["?"];
  const mark = svg("g", { class: "mark", transform: light === "amber" ? "translate(18 27) scale(.64)" : "translate(10 10) scale(.8)" });
  for (const d of drawing.lines) mark.append(svg("path", { d }));
  if (drawing.dot) mark.append(svg("circle", { cx: 50, cy: drawing.dot, r: 7.5, class: "dot" }));
  node.append(mark);
  return node;
}

const SHAPES = {
  green: () => svg("circle", { class: "shape", cx: 50, cy: 50, r: 46 }),
  amber: () => svg("path", { class: "shape", d: "M50 6 L97 92 L3 92 Z" }),
  red: () => svg("path", { class: "shape", d: "M31 4 H69 L96 31 V69 L69 96 H31 L4 69 V31 Z" }),
  grey: () => svg("circle", { class: "shape", cx: 50, cy: 50, r: 45, "stroke-dasharray": "14 9" }),
};

const DRAWINGS = {
  "✓": { lines: ["M20 52 L42 74 L80 30"] },
  "✕": { lines: ["M26 26 L74 74", "M74 26 L26 74"] },
  "!": { lines: ["M50 16 L50 60"], dot: 82 },
  "?": { lines: ["M30 36 C30 12 70 12 70 36 C70 52 50 50 50 66"], dot: 84 },
  "↻": { lines: ["M74 32 A30 30 0 1 0 80 56", "M78 14 L76 36 L54 32"] },
};
