// The full patterns of a layer, where the view got only small ones. `layer.js` asks the page for them and brings them.

const REST = 60; // ms that a head is looked at before its layer is asked for: a pointer that crosses the grid asks for nothing
const PATIENCE = 4000; // ms after which a layer is asked for again
const CARRIERS = (globalThis.attentionCarriers ??= new Map()); // key of a view → { bytes, ask }

// Take the layer that has come. Return whether it is new.
function takeLayer(view) {
  const carrier = CARRIERS.get(view.patterns.header.key);
  if (!carrier || !view.patterns.small) return false;
  const [{ stamp, layer }, codes] = unpack(carrier.bytes);
  if (stamp !== view.patterns.header.stamp || view.patterns.full.has(layer)) return false;
  view.patterns.take(layer, new Uint16Array(codes.buffer));
  view.asked = null;
  return true;
}

// Ask for the layer of the large head, or of another head whose lines are drawn. One at a time.
function askForLayer(view) {
  clearTimeout(view.asking);
  const missing = view.companions().find((head) => !view.patterns.isFull(head));
  if (!missing || view.patterns.header.grid_only) return;
  const isOnItsWay = view.asked && !view.patterns.isFull([view.asked.layer]);
  const waited = isOnItsWay ? Date.now() - view.asked.at : PATIENCE;
  const ask = () => {
    const { key, stamp } = view.patterns.header;
    view.asked = { layer: missing[0], at: Date.now() };
    CARRIERS.get(key)?.ask({ ...view.asked, stamp });
    view.asking = setTimeout(() => askForLayer(view), PATIENCE);
  };
  view.asking = setTimeout(ask, Math.max(REST, PATIENCE - waited));
}
