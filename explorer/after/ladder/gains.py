"""What each rung gains over the one before, and how the pages say it. No Streamlit."""

from itertools import pairwise

from explorer.after.ladder.finished import Trained
from gpt.after.ladder import Gain, paired_gain
from gpt.train.ladder import ADDITIONS, build_ladder

LADDER = build_ladder()
NUMBERS = {name: int(name.removeprefix("rung-")) for name in ADDITIONS}  # rung → its number
FEWEST, ENOUGH = 2, 5  # seeds that give a gain its noise, and that can show that there is none


def rung_gains(trained: dict[str, Trained]) -> dict[str, Gain]:
    """Return rung → its gain over the one before, on the seeds of both; a rung with fewer than `FEWEST` is left out."""
    gains = {}
    for before, name in pairwise(LADDER):
        losses = [_by_seed(trained[each]) if each in trained else {} for each in (before, name)]
        seeds = sorted(losses[0].keys() & losses[1].keys())
        if len(seeds) >= FEWEST:
            gains[name] = paired_gain(*([of[seed] for seed in seeds] for of in losses))
    return gains


def rung_title(name: str) -> str:
    """Return the number of a rung, and what it adds.

    >>> rung_title("rung-9")
    '9 Rotary positions'
    """
    return f"{NUMBERS[name]} {LADDER[name].about.partition(':')[0]}"


def verdict(gain: Gain) -> str:
    """Say whether a rung gains more than its noise.

    >>> verdict(Gain(0.15, 0.01, 5)), verdict(Gain(-0.004, 0.01, 5))
    ('gains 0.150 ± 0.028', 'gains nothing here (−0.004 ± 0.028)')
    """
    if gain.is_clear:
        return f"{'gains' if gain.mean > 0 else 'loses'} {abs(gain.mean):.3f} ± {gain.half_width:.3f}"
    words = "gains nothing here" if gain.n >= ENOUGH else f"not clear with {gain.n} seeds"
    return f"{words} ({gain.mean:+.3f} ± {gain.half_width:.3f})".replace("-", "−")


def _by_seed(rung: Trained) -> dict[int, float]:
    return dict(zip(rung.seeds, map(float, rung.losses), strict=True))
