// Small charts, with a table beside each. Kinds differ by pattern, not by colour alone.

import { el, svg } from "./elements.js";
import { say } from "./words.js";

const [WIDTH, HEIGHT, FOOT, TOP] = [420, 170, 24, 20];
const KINDS = ["accept", "reject", "undetermined"];

/** Checks by hour, one column an hour, the outcomes on top of each other. */
export function hours(list) {
  const byHour = new Map(list.map((each) => [each.hour, each]));
  const numbers = list.map((each) => each.hour);
  const [first, last] = [Math.min(8, ...numbers), Math.max(17, ...numbers)];
  const all = Array.from({ length: last - first + 1 }, (_, place) => byHour.get(first + place) ?? { hour: first + place });
  const total = (each) => KINDS.reduce((sum, kind) => sum + (each[kind] ?? 0), 0);
  const chart = frame(Math.max(1, ...all.map(total)), say("chart_hours"));
  const wide = WIDTH / all.length;
  all.forEach((each, place) => {
    let base = HEIGHT - FOOT;
    for (const kind of KINDS) {
      const tall = chart.tall(each[kind] ?? 0);
      if (tall === 0) continue;
      base -= tall;
      chart.node.append(svg("rect", { class: `bar ${kind}`, x: place * wide + wide * 0.15, y: base, width: wide * 0.7, height: tall, fill: fillOf(kind) }));
    }
    if (total(each) > 0) chart.word(place * wide + wide / 2, base - 5, total(each));
    chart.word(place * wide + wide / 2, HEIGHT - 6, each.hour);
  });
  return [
    el("p", { class: "key" }, ...KINDS.map((kind) => el("span", {}, svg("svg", { viewBox: "0 0 16 16", "aria-hidden": "true" }, svg("rect", { class: `bar ${kind}`, x: 1, y: 1, width: 14, height: 14, fill: fillOf(kind) })), say(kind)))),
    chart.node,
    table("chart_hours", ["hour", ...KINDS], list.map((each) => [say("hour_at", { n: each.hour }), ...KINDS.map((kind) => each[kind] ?? 0)])),
  ];
}

/** How long people waited, one column a span of time. */
export function bars(list) {
  const word = ({ up_to_ms: ms }) => (ms === undefined ? say("over") : say("up_to", { s: ms / 1_000 }));
  const chart = frame(Math.max(1, ...list.map((each) => each.count)), say("chart_waits"));
  const wide = WIDTH / Math.max(1, list.length);
  list.forEach((each, place) => {
    const tall = chart.tall(each.count);
    if (tall > 0) chart.node.append(svg("rect", { class: "bar wait", x: place * wide + wide * 0.15, y: HEIGHT - FOOT - tall, width: wide * 0.7, height: tall }));
    chart.word(place * wide + wide / 2, HEIGHT - FOOT - tall - 5, each.count);
    chart.word(place * wide + wide / 2, HEIGHT - 6, word(each));
  });
  return [chart.node, table("chart_waits", ["wait", "count"], list.map((each) => [word(each), each.count]))];
}

function frame(most, label) {
  const room = HEIGHT - FOOT - TOP;
  const node = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "chart", role: "img", "aria-label": `${label}. ${say("as_table")}` });
  node.append(patterns(), svg("line", { class: "axis", x1: 0, x2: WIDTH, y1: HEIGHT - FOOT + 0.5, y2: HEIGHT - FOOT + 0.5 }));
  return {
    node,
    tall: (value) => (value / most) * room,
    word: (x, y, text) => node.append(svg("text", { x, y, "text-anchor": "middle" }, String(text))),
  };
}

const fillOf = (kind) => (kind === "accept" ? null : `url(#fill-${kind})`);

function patterns() {
  const pattern = (id, ...parts) => svg("pattern", { id, width: 8, height: 8, patternUnits: "userSpaceOnUse" }, svg("rect", { class: "ground", width: 8, height: 8 }), ...parts);
  return svg("defs", {},
    pattern("fill-reject", svg("path", { class: "hatch", d: "M-2 2 L2 -2 M0 8 L8 0 M6 10 L10 6" })),
    pattern("fill-undetermined", svg("circle", { class: "dot", cx: 4, cy: 4, r: 1.8 })));
}

function table(caption, columns, rows) {
  return el("details", {}, el("summary", {}, say("as_table")),
    el("table", {}, el("caption", { class: "unseen" }, say(caption)),
      el("thead", {}, el("tr", {}, ...columns.map((column) => el("th", { scope: "col" }, say(column))))),
      el("tbody", {}, ...rows.map(([first, ...rest]) => el("tr", {}, el("th", { scope: "row" }, first), ...rest.map((value) => el("td", {}, String(value))))))));
}
