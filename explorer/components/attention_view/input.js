// What the person does with pointer and keys.

function lock(view, head) {
  view.last = head ?? view.locked ?? view.last;
  view.locked = head;
  if (head?.includes(AVERAGE)) return; // the page knows real heads only
  view.real = head;
  report(view);
}

function report(view) {
  view.at = Date.now();
  view.send({ head: view.real, cell: cellOf(view), compared: view.extra, share: view.share, order: view.order, role: view.role, hides_rest: view.hidesRest, at: view.at });
}

function compare(view, comparing) {
  view.comparing = comparing;
  redraw(view, "head");
}

function listenToGrid(view) {
  previewHeads(view);
  view.grid.addEventListener("click", (event) => {
    const head = headUnder(event);
    if (!head || event.detail > 1) return; // a second click within a double click is not an unlock
    if (event.shiftKey || view.comparing) toggleCompanion(view, head);
    else lock(view, same(head, view.locked) ? null : head);
    redraw(view, "head");
  });
  view.badges.addEventListener("pointerover", (event) => event.pointerType !== "touch" && preview(view, headUnder(event)));
  view.badges.addEventListener("pointerleave", () => preview(view, null));
  view.badges.addEventListener("click", (event) => {
    if (!headUnder(event)) return;
    lock(view, headUnder(event));
    redraw(view, "head");
  });
  view.grid.addEventListener("dblclick", (event) => {
    const head = headUnder(event);
    if (!head) return;
    view.extra = [];
    view.comparing = false;
    if (same(head, view.locked)) report(view);
    else lock(view, head);
    redraw(view, "head");
  });
}

function toggleCompanion(view, head) {
  const others = view.extra.filter((other) => !same(other, head));
  view.extra = others.length < view.extra.length ? others : [...others, head];
  report(view);
}

function listenToDetail(view) {
  const { map, lines, root } = view;
  const point = (to) => {
    if (JSON.stringify(to) === JSON.stringify(view.hover)) return;
    view.hover = to;
    redraw(view, "cell");
  };
  const pin = (to) => {
    view.pinned = JSON.stringify(to) === JSON.stringify(view.pinned) ? null : to;
    const isFree = view.pinned && !view.locked && !view.shown().includes(AVERAGE);
    if (isFree) lock(view, view.shown()); // a cell is one head's
    else report(view);
    redraw(view, "head");
  };
  for (const [panel, under] of [[map, cellAt], [lines, tokenAt]]) {
    panel.canvas.addEventListener("pointermove", (event) => point(under(view, event)));
    panel.canvas.addEventListener("pointerleave", () => point(null));
    panel.canvas.addEventListener("click", (event) => under(view, event) && pin(under(view, event)));
  }
  map.box.addEventListener("focusout", () => point(null));
  map.box.addEventListener("keydown", (event) => {
    const to = cellAfter(view, event.key);
    if (to) {
      point(to);
      reveal(view, to);
    }
    else if (event.key === "Enter" && view.hover) pin(view.hover);
    else return;
    event.preventDefault();
  });
  root.querySelector(".share select").addEventListener("change", (event) => {
    view.share = Number(event.target.value);
    report(view);
    redraw(view, "cell");
  });
  root.querySelector(".computed").addEventListener("click", () => showExplanation(view));
  root.querySelector(".compare").addEventListener("click", () => compare(view, !view.comparing));
  root.addEventListener("keydown", (event) => event.key === "Escape" && unlock(view));
}

// Which cell an arrow key leads to, or null for another key; the first leads to the row's largest weight.
function cellAfter(view, name) {
  const moves = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
  if (!moves[name]) return null;
  const from = view.focus();
  if (!view.patterns.isFull(view.shown())) return null;
  if (from.query === null || from.key === null) {
    const [[query, key]] = view.patterns.largest(view.shown(), 1, from.query ?? view.patterns.middle);
    return { query, key };
  }
  const within = (index, count) => Math.min(Math.max(index, 0), count - 1);
  const { Q, K } = view.patterns;
  return { query: within(from.query + moves[name][0], Q), key: within(from.key + moves[name][1], K) };
}

// Esc undoes one thing at a time: the comparing, the cell, the added heads, the head.
function unlock(view) {
  if (view.comparing) view.comparing = false;
  else if (view.pinned) {
    view.pinned = null;
    report(view);
  } else if (view.extra.length) {
    view.extra = [];
    report(view);
  } else if (view.locked) lock(view, null);
  redraw(view, "head");
}
