// The film in a notebook: anywidget calls `render` for every output that shows the widget.

export default {
  render({ model, el }) {
    const { box, parentElement } = hostComponent(el);
    const data = bytesOf(model.get("film"));
    const setStateValue = (_, { step, head }) => {
      const [layer, index] = head ?? [null, null];
      sendToNotebook(model, { step, layer, head: index });
    };
    let leave = () => {};
    const stop = keepDrawn(box, () => { leave = drawComponent({ parentElement, data, setStateValue }); });
    return () => {
      stop();
      leave();
    };
  },
};
