"""How quickly the attention view is painted after its patterns arrive, how quickly it answers to the pointer, and how
much is sent for both.
"""

import pytest

PAINTED = "() => performance.getEntriesByName('attention-view')[0].duration"
HOVER = """async (view) => {
  const drawn = () => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
  const times = [];
  for (const cell of view.querySelectorAll(".grid button")) {
    const started = performance.now();
    cell.dispatchEvent(new PointerEvent("pointerover", { bubbles: true, pointerType: "mouse" }));
    await drawn();
    if (view.dataset.layer !== cell.dataset.layer || view.dataset.head !== cell.dataset.head)
      throw new Error("not drawn");
    times.push(performance.now() - started);
  }
  return times.sort((a, b) => a - b);
}"""


OPENED = """async (view) => {
  await new Promise((resolve) => setTimeout(resolve, 3000)); // until what the other heads asked for has come
  const cell = view.querySelector(".grid [role='row']:nth-child(4) button"); // of the third layer
  const started = performance.now();
  cell.dispatchEvent(new PointerEvent("pointerover", { bubbles: true, pointerType: "mouse" }));
  do await new Promise(requestAnimationFrame);
  while (view.dataset.layer !== cell.dataset.layer || view.dataset.full !== "true");
  return performance.now() - started;
}"""


@pytest.mark.bench
@pytest.mark.parametrize("size", ["4x6x64", "6x6x256", "12x12x256", "30x9x256"])
def test_painting_and_hovering(size, browse, received, capsys):
    page = browse("attention_script.py", f"size={size}")
    view = page.locator(".attention[data-layer]:not([data-layer=''])")
    view.and_(page.locator("[data-full='true']")).wait_for(timeout=60_000)
    sent = sum(received)
    painted = page.evaluate(PAINTED)
    times = view.evaluate(HOVER)
    opened = view.evaluate(OPENED)
    with capsys.disabled():
        print(
            f"\n{size} (layers, heads, tokens): {sent / 1e6:.2f} MB sent; painted {painted:.0f} ms after arrival; "
            f"another head under the pointer in {times[len(times) // 2]:.0f} ms, one in 20 above "
            f"{times[-len(times) // 20]:.0f} ms; its full pattern in {opened:.0f} ms",
            end="",
        )
    assert sent < 4e6
    n_layer, n_head, _ = map(int, size.split("x"))
    assert len(times) == (n_layer + 1) * (n_head + 1), "every head and every average was drawn"
