// Zoom and pan of the large heatmap: buttons, keys, Ctrl with the wheel or a pinch, and dragging what is zoomed.

const ZOOM_STEP = 1.5;
const A_CLICK = 4; // CSS pixels that a pointer may move in a click

const largestScale = ({ map: { layout } }) => Math.max(WITH_NUMBERS / layout.base, 1);

// Zoom to a scale, so that what is at (x, y), in pixels of the map, stays there.
function zoomTo(view, scale, x = view.map.layout.wide / 2, y = view.map.layout.high / 2) {
  const { base, cell, from } = view.map.layout;
  const wanted = Math.min(Math.max(scale, 1), largestScale(view));
  const stays = (first, at) => first + at / cell - at / (base * wanted);
  moveMap(view, wanted, stays(from.query, y), stays(from.key, x));
}

// Move the map. Return whether it moved.
function moveMap(view, scale, query, key) {
  const { Q, K } = view.patterns;
  const within = (first, count) => Math.min(Math.max(first, 0), count - count / scale);
  const before = JSON.stringify(view.zoom);
  view.zoom = { scale, from: { query: within(query, Q), key: within(key, K) } };
  if (JSON.stringify(view.zoom) === before) return false;
  redraw(view, "zoom");
  return true;
}

function pan(view, x, y) {
  const { cell, from } = view.map.layout;
  return moveMap(view, view.zoom.scale, from.query + y / cell, from.key + x / cell);
}

// Move the map just so far that this cell is seen.
function reveal(view, { query, key }) {
  const { scale, from } = view.zoom;
  const near = (index, first, count) => Math.min(Math.max(first, index + 1 - count / scale), index);
  const { Q, K } = view.patterns;
  moveMap(view, scale, query === null ? from.query : near(query, from.query, Q), key === null ? from.key : near(key, from.key, K));
}

const ZOOMS = {
  in: (view) => zoomTo(view, view.zoom.scale * ZOOM_STEP),
  out: (view) => zoomTo(view, view.zoom.scale / ZOOM_STEP),
  reset: (view) => zoomTo(view, 1),
};
const ZOOM_KEYS = { "+": "in", "=": "in", "-": "out", 0: "reset" };

function listenToZoom(view) {
  const { root, map: { canvas, box } } = view;
  root.querySelector(".zoom").addEventListener("click", (event) => ZOOMS[event.target.dataset.zoom]?.(view));
  box.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || !ZOOM_KEYS[event.key]) return;
    ZOOMS[ZOOM_KEYS[event.key]](view);
    event.preventDefault();
  });
  canvas.addEventListener("wheel", (event) => {
    const zooms = event.ctrlKey || event.metaKey;
    if (zooms) zoomTo(view, view.zoom.scale * Math.exp(-event.deltaY / 200), ...placeOf(view, event));
    if (zooms || pan(view, event.deltaX, event.deltaY)) event.preventDefault(); // else the page scrolls
  }, { passive: false });
  listenToDragging(view, canvas);
}

const placeOf = ({ map: { canvas, layout } }, event) => {
  const box = canvas.getBoundingClientRect();
  return [event.clientX - box.left - layout.left, event.clientY - box.top - layout.top];
};

function listenToDragging(view, canvas) {
  const down = new Map(); // pointer → where it was last
  let travelled = 0;
  const apart = ([a, b]) => Math.hypot(a[0] - b[0], a[1] - b[1]);
  canvas.addEventListener("pointerdown", (event) => {
    if (down.size === 0) travelled = 0;
    down.set(event.pointerId, placeOf(view, event));
  });
  canvas.addEventListener("pointermove", (event) => {
    const before = down.get(event.pointerId);
    if (!before) return;
    const now = placeOf(view, event);
    const distance = down.size === 2 && apart([...down.values()]);
    down.set(event.pointerId, now);
    travelled += Math.hypot(now[0] - before[0], now[1] - before[1]);
    if (distance) zoomTo(view, (view.zoom.scale * apart([...down.values()])) / distance, ...now);
    else if (down.size === 1 && travelled > A_CLICK && view.zoom.scale > 1) {
      canvas.setPointerCapture(event.pointerId);
      pan(view, before[0] - now[0], before[1] - now[1]);
    }
  });
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, (event) => down.delete(event.pointerId));
  canvas.addEventListener("click", (event) => travelled > A_CLICK && view.zoom.scale > 1 && event.stopImmediatePropagation());
}

function writeZoom(view) {
  const { root, zoom, map: { canvas } } = view;
  const most = largestScale(view);
  root.querySelector(".zoom").hidden = most === 1;
  root.querySelector("[data-zoom='in']").disabled = zoom.scale >= most;
  for (const way of ["out", "reset"]) root.querySelector(`[data-zoom='${way}']`).disabled = zoom.scale === 1;
  canvas.style.touchAction = zoom.scale > 1 ? "none" : "pan-y";
  root.dataset.zoom = zoom.scale.toFixed(2);
}
