// Draws a box around each code in view: a kind of line and a word for each kind, so that colour is not needed.

import { say } from "./words.js";
import { setText, svg } from "./elements.js";

const KEPT_MS = 400; // What was seen so long ago is not there any more.
const AT_MOST = 6;

export function createOverlay(root) {
  const boxes = [];
  let size = "";
  let shownAt = 0;
  let shown = 0;

  for (let number = 0; number < AT_MOST; number += 1) {
    const back = svg("polygon", { class: "back" });
    const line = svg("polygon", { class: "line" });
    const word = svg("text", {});
    const group = svg("g", { visibility: "hidden" }, back, line, word);
    root.append(group);
    boxes.push({ group, back, line, word, points: "", kind: "", visible: false });
  }

  function put(box, kind, corners, width, mirrored) {
    const places = corners.map(([x, y]) => [Math.round(mirrored ? width - x : x), Math.round(y)]);
    const points = places.map((place) => place.join()).join(" ");
    if (box.points !== points) {
      box.points = points;
      box.back.setAttribute("points", points);
      box.line.setAttribute("points", points);
      const left = Math.min(...places.map(([x]) => x));
      const top = Math.min(...places.map(([, y]) => y));
      box.word.setAttribute("x", Math.max(8, left));
      box.word.setAttribute("y", top > 56 ? top - 16 : Math.max(...places.map(([, y]) => y)) + 48);
    }
    if (box.kind !== kind) {
      box.kind = kind;
      box.group.setAttribute("class", `box ${kind}`);
    }
    setText(box.word, say(`seen_${kind}`));
    show(box, true);
  }

  function show(box, visible) {
    if (box.visible === visible) return;
    box.visible = visible;
    box.group.setAttribute("visibility", visible ? "visible" : "hidden");
  }

  function clear() {
    shown = 0;
    for (const box of boxes) show(box, false);
  }

  return {
    clear,
    /** Draws what an answer says of a frame of this size. */
    draw({ codes = [], unread = [] }, width, height, mirrored) {
      const now = performance.now();
      if (size !== `${width} ${height}`) {
        size = `${width} ${height}`;
        root.setAttribute("viewBox", `0 0 ${size}`);
      }
      const all = [
        ...codes.map(({ kind, corners }) => [kind === "permit" ? "permit" : "other", corners]),
        ...unread.map(({ corners }) => ["unread", corners]),
      ].slice(0, AT_MOST);
      // A frame in which a code that is there was missed does not make its box blink.
      if (all.length === 0 && shown > 0 && now - shownAt < KEPT_MS) return;
      if (all.length > 0) shownAt = now;
      shown = all.length;
      boxes.forEach((box, place) => {
        if (place < all.length) put(box, all[place][0], all[place][1], width, mirrored);
        else show(box, false);
      });
    },
    /** Takes away boxes that no answer has confirmed for a while. */
    tidy() {
      if (shown > 0 && performance.now() - shownAt > 2 * KEPT_MS) clear();
    },
  };
}
