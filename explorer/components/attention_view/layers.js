// The full patterns of a head or a layer, where the view got only small ones. `message.js` asks the page for them and brings them.

const REST = 60; // ms that a head is looked at before its layer is asked for: a pointer that crosses the grid asks for nothing
const PATIENCE = 4000; // ms after which a layer is asked for again
const MESSAGES = (globalThis.attentionMessages ??= new Map()); // key of a view → { view, small, layer, ask }

// Take the layer, or the head, that has come. Return whether it is new.
function takeLayer(view) {
  const message = MESSAGES.get(view.key)?.layer;
  if (!message || !view.patterns.small) return false;
  const [{ stamp, layer, head }, codes] = unpack(message);
  if (stamp !== view.patterns.header.stamp || !view.patterns.take(layer, head, new Uint16Array(codes.buffer))) return false;
  view.asked = null;
  return true;
}

// Ask for the layer of the large head, or of another head whose lines are drawn. One at a time.
function askForLayer(view) {
  clearTimeout(view.asking);
  const missing = view.companions().find((head) => !view.patterns.isFull(head));
  if (!missing || view.patterns.header.grid_only) return;
  const isOnItsWay = view.asked && !view.patterns.full.has(view.asked.layer);
  const waited = isOnItsWay ? Date.now() - view.asked.at : PATIENCE;
  const ask = () => {
    const { stamp } = view.patterns.header;
    view.asked = { layer: missing[0], at: Date.now() };
    MESSAGES.get(view.key)?.ask?.({ ...view.asked, stamp });
    view.asking = setTimeout(() => askForLayer(view), PATIENCE);
  };
  view.asking = setTimeout(ask, Math.max(REST, PATIENCE - waited));
}
