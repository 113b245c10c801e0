// Brings a message of the page to the attention view with this key. Nothing is drawn.

const MESSAGES = (globalThis.attentionMessages ??= new Map()); // key of a view → part → its last message; ask: for a layer

export default function ({ data, setStateValue }) {
  const length = new DataView(data.buffer, data.byteOffset).getUint32(0, true);
  const { key, part } = JSON.parse(new TextDecoder().decode(data.subarray(4, 4 + length)));
  if (!MESSAGES.has(key)) MESSAGES.set(key, {});
  const messages = MESSAGES.get(key);
  messages[part] = data;
  if (part === "layer") messages.ask = (wanted) => setStateValue("asked", wanted);
  document.dispatchEvent(new CustomEvent("attention-message", { detail: key }));
  return () => { delete messages[part]; };
}
