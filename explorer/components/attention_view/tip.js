// The tooltip at the cell under the pointer, and the link from a pinned weight to its explanation.

const TIP_GAP = 8; // CSS pixels between a cell and its tooltip
const BELOW_MENU = "5rem"; // the menu covers the upper edge of the page

function drawTip(view) {
  const { patterns, hover, map } = view;
  const tip = map.box.querySelector(".tip");
  tip.hidden = !hover || hover.query === null || hover.key === null;
  if (tip.hidden) return;
  const { query, key } = hover;
  const weight = patterns.isFull(view.shown()) ? patterns.weight(view.shown(), query, key) : undefined;
  tip.querySelector("span").textContent = `${quoted(patterns.queries, query)} → ${quoted(patterns.keys, key)}`;
  tip.querySelector("b").textContent = textOfCell(view, query, key, weight);
  const { left, top, cell, from, width, height } = map.layout;
  const beside = (start, size, room) => {
    const after = start + cell + TIP_GAP;
    return Math.max(after + size <= room ? after : start - TIP_GAP - size, 0);
  };
  tip.style.left = `${beside(left + (key - from.key) * cell, tip.offsetWidth, width)}px`;
  tip.style.top = `${beside(top + (query - from.query) * cell, tip.offsetHeight, height)}px`;
}

function textOfCell({ patterns, shown }, query, key, weight) {
  if (weight === undefined) return "…"; // it is on its way
  if (weight === null) return "masked";
  return patterns.isHidden(query, key) ? "hidden" : patterns.textAt(shown(), query, key);
}

// The weight that the page explains: the pinned one of the head that stays when the pointer leaves.
function writeComputed(view) {
  const { patterns, locked, last } = view;
  const link = view.root.querySelector(".computed");
  const head = locked ?? last;
  const cell = patterns.header.explained && !head.includes(AVERAGE) && patterns.isFull(head) ? cellOf(view) : null;
  link.hidden = !cell;
  const weight = cell && patterns.weight(head, ...cell);
  link.textContent = weight === null ? "See its score ↓" : `See how ${textOf(weight)} was computed ↓`;
}

function showExplanation({ patterns: { header } }) {
  const place = document.querySelector(`.st-key-${header.explained}`);
  if (!place) return;
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  place.tabIndex = -1;
  place.style.scrollMarginTop = BELOW_MENU;
  place.focus({ preventScroll: true });
  place.scrollIntoView({ behavior: still ? "auto" : "smooth", block: "start" });
}
