// Moving through the snapshots by slider, buttons, keys, play and curves; and locking a head, a cell or a step.

const PACE = 5; // snapshots a second at 1 ×
const REST = 400; // ms without a move, after which the page gets the state

function moveTo(view, index) {
  const to = Math.min(Math.max(index, 0), view.film.steps.length - 1);
  if (to === view.index) return;
  view.index = to;
  redraw(view, "frame");
  rest(view);
}

// The page gets the snapshot where the person stops, not every snapshot on the way.
function rest(view) {
  clearTimeout(view.resting);
  view.at = Date.now();
  if (view.playing) return;
  view.resting = setTimeout(() => {
    const pinned = view.pinned === null ? null : view.step(view.pinned);
    view.send({ step: view.step(), head: view.locked, pinned, kind: view.kind, at: view.at });
  }, REST);
}

function stop(view) {
  view.playing = false;
  redraw(view, "frame");
  rest(view);
}

function start(view) {
  if (view.index === view.film.steps.length - 1) moveTo(view, 0);
  view.playing = true;
  view.due = performance.now() + 1000 / (PACE * view.speed);
  const tick = (now) => {
    if (!view.playing || !view.root.isConnected) return;
    if (now >= view.due) {
      view.due = Math.max(view.due, now - 100) + 1000 / (PACE * view.speed);
      moveTo(view, view.index + 1);
      if (view.index === view.film.steps.length - 1) return stop(view);
    }
    requestAnimationFrame(tick);
  };
  requestAnimationFrame(tick);
  redraw(view, "frame");
}

const toggle = (view) => (view.playing ? stop(view) : start(view));

function pin(view, index) {
  view.pinned = index;
  redraw(view, "layout");
  rest(view);
}

function lockHead(view, head) {
  view.last = head ?? view.locked ?? view.last;
  view.locked = head;
  redraw(view, "head");
  rest(view);
}

function listenToTransport(view) {
  const { root, slider } = view;
  const find = (selector) => root.querySelector(selector);
  slider.addEventListener("input", () => {
    view.playing = false;
    moveTo(view, Number(slider.value));
  });
  find(".back").addEventListener("click", () => moveTo(view, view.index - 1));
  find(".on").addEventListener("click", () => moveTo(view, view.index + 1));
  find(".play").addEventListener("click", () => toggle(view));
  find(".pin").addEventListener("click", () => pin(view, view.pinned === null ? view.index : null));
  find(".speed select").addEventListener("change", (event) => { view.speed = Number(event.target.value); });
  find(".scores select").addEventListener("change", (event) => {
    view.kind = event.target.value;
    rest(view);
    redraw(view, "head");
  });
  for (const plot of [view.losses, view.scores]) {
    listenToPlot(plot, (step) => {
      view.playing = false;
      moveTo(view, view.film.nearest(step));
    });
  }
  root.addEventListener("keydown", (event) => {
    if (event.key === "Escape") return view.locked ? lockHead(view, null) : view.pinned !== null && pin(view, null);
    const leave = event.target.closest("select, .map, .grid, .sample") || (event.key === " " && event.target.closest("button"));
    const { length } = view.film.steps;
    const moves = { ArrowLeft: view.index - 1, ArrowRight: view.index + 1, Home: 0, End: length - 1 };
    if (leave || event.altKey || event.ctrlKey || event.metaKey || length === 1) return;
    if (event.key === " ") toggle(view);
    else if (event.key in moves && event.target !== slider) moveTo(view, moves[event.key]);
    else return;
    event.preventDefault();
  });
}

function listenToHeads(view) {
  const { grid, map } = view;
  previewHeads(view);
  grid.addEventListener("click", (event) => {
    const head = headUnder(event);
    if (head) lockHead(view, same(head, view.locked) ? null : head);
  });
  const point = (to) => {
    view.hover = to;
    redraw(view, "cell");
  };
  map.canvas.addEventListener("pointermove", (event) => point(cellAt(view, event)));
  map.canvas.addEventListener("pointerleave", () => point(null));
  map.box.addEventListener("focusout", () => point(null));
  map.box.addEventListener("keydown", (event) => {
    const to = cellAfter(view, event.key);
    if (!to) return;
    event.preventDefault();
    point(to);
  });
}
