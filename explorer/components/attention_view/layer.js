// Brings the full patterns of a layer to the attention view that asks for them. Nothing is drawn.

const CARRIERS = (globalThis.attentionCarriers ??= new Map()); // key of a view → its last layer, and how to ask for another

export default function ({ data, setStateValue }) {
  const length = new DataView(data.buffer, data.byteOffset).getUint32(0, true);
  const { key } = JSON.parse(new TextDecoder().decode(data.subarray(4, 4 + length)));
  CARRIERS.set(key, { bytes: data, ask: (wanted) => setStateValue("asked", wanted) });
  document.dispatchEvent(new CustomEvent("attention-layer", { detail: key }));
  return () => CARRIERS.delete(key);
}
