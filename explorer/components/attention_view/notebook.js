// The attention view in a notebook: anywidget calls `render` for every output that shows the widget.

export default {
  render({ model, el }) {
    const { box, parentElement } = hostComponent(el);
    const key = `notebook ${Math.random()}`;
    const messages = { view: bytesOf(model.get("view_message")), small: bytesOf(model.get("small_message")) };
    messages.layer = bytesOf(model.get("layer_message"));
    messages.ask = (asked) => sendToNotebook(model, { asked });
    MESSAGES.set(key, messages);
    const setStateValue = (_, { head, cell }) => {
      const [[layer, index], [query, read]] = [head ?? [null, null], cell ?? [null, null]];
      sendToNotebook(model, { layer, head: index, query, key: read });
    };
    let leave = () => {};
    const stop = keepDrawn(box, () => { leave = drawComponent({ parentElement, data: { key }, setStateValue }); });
    const bringLayer = () => {
      messages.layer = bytesOf(model.get("layer_message"));
      document.dispatchEvent(new CustomEvent("attention-message", { detail: key }));
    };
    model.on("change:layer_message", bringLayer);
    return () => {
      stop();
      leave();
      model.off("change:layer_message", bringLayer);
      MESSAGES.delete(key);
    };
  },
};
