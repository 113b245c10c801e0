"""How quickly the attention view stands once its patterns have arrived, and how quickly it answers to the pointer."""

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


@pytest.mark.bench
@pytest.mark.parametrize("size", ["4x6x64", "6x6x256", "12x12x256"])
def test_painting_and_hovering(size, browse, capsys):
    page = browse("attention_script.py", f"size={size}")
    view = page.locator(".attention[data-layer]:not([data-layer=''])")
    view.wait_for(timeout=60_000)
    painted = page.evaluate(PAINTED)
    times = view.evaluate(HOVER)
    with capsys.disabled():
        print(
            f"\n{size} (layers, heads, tokens): painted {painted:.0f} ms after arrival; another head under the "
            f"pointer in "
            f"{times[len(times) // 2]:.0f} ms, one in 20 above {times[-len(times) // 20]:.0f} ms",
            end="",
        )
    n_layer, n_head, _ = map(int, size.split("x"))
    assert len(times) == (n_layer + 1) * (n_head + 1), "every head and every average was drawn"
