"""How smoothly a film is scrubbed: snapshots a second in a real Chromium, each drawn before the next is asked for."""

import pytest

ROUNDS = 4  # through all the snapshots
SCRUB = """async (film, rounds) => {
  const slider = film.querySelector("input[type=range]");
  const drawn = () => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
  const times = [];
  for (let i = 0; i < rounds * (Number(slider.max) + 1); i++) {
    const started = performance.now();
    slider.value = i % (Number(slider.max) + 1);
    slider.dispatchEvent(new Event("input"));
    await drawn();
    if (film.dataset.index !== slider.value) throw new Error("not drawn");
    times.push(performance.now() - started);
  }
  return times.sort((a, b) => a - b);
}"""


@pytest.mark.bench
@pytest.mark.parametrize("size", ["50x6x6x64", "20x6x6x256"])
def test_scrubbing(size, browse, report):
    film = browse("film_script.py", f"size={size}").locator(".film[data-step]")
    film.wait_for(timeout=60_000)
    plain = film.evaluate(SCRUB, ROUNDS)
    film.locator(".pin").click()
    compared = film.evaluate(SCRUB, ROUNDS)
    for name, times in (("as they are", plain), ("compared", compared)):
        rate, slow = 1000 * len(times) / sum(times), times[-len(times) // 20]
        what = f"scrubbing a film of {size} (snapshots, layers, heads, tokens), {name}"
        report(what, f"{rate:.0f} snapshots/s; one in 20 above {slow:.0f} ms", "", None, "")
    assert len(plain) == len(compared) == ROUNDS * int(size.split("x")[0])
