"""The page of the ladder: gains with their noise, two rungs at equal size, training one, and its experts."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch

from explorer.after.ladder import figures, gains
from explorer.after.ladder.finished import read_ladder
from explorer.figures import style
from explorer.figures.bands import Band, bands, levels
from explorer.lecture.exercises import after
from gpt import create_run, load_run
from gpt.after.ladder import Gain, paired_gain
from gpt.train.loop import train
from tests.explorer.after.test_rotary import press, values
from tests.explorer.drawn import plots
from tests.explorer.lecture.running import run

RUN = "lecture-ladder-9-one-more-seed"


@pytest.fixture
def ladder_page(open_page):
    return partial(open_page, "ladder")


def shipped_with(losses):
    """The first rungs, as if their seeds had these last losses."""
    trained = read_ladder()
    return {
        name: replace(rung, seeds=tuple(range(len(some))), losses=np.array(some))
        for (name, rung), some in zip(trained.items(), losses, strict=False)
    }


def test_a_gain_pairs_equal_seeds_and_needs_two():
    trained = shipped_with([[2.0, 2.2, 9.0], [1.9, 2.1], [1.8]])
    steps = gains.rung_gains(trained)
    assert list(steps) == ["rung-8"] and steps["rung-8"].mean == pytest.approx(0.1) and steps["rung-8"].n == 2


@pytest.mark.parametrize(
    ("gain", "words", "color"),
    [
        (Gain(0.15, 0.001, 5), "gains 0.150 ± 0.003", style.ACCENT),
        (Gain(-0.15, 0.001, 5), "loses 0.150 ± 0.003", style.SECOND),
        (Gain(-0.001, 0.01, 5), "gains nothing here (−0.001 ± 0.028)", style.MUTED),
        (Gain(0.1, 0.01, 2), "not clear with 2 seeds (+0.100 ± 0.127)", style.MUTED),
    ],
)
def test_a_gain_is_said_and_coloured(gain, words, color):
    assert gains.verdict(gain) == words
    assert figures.Step("8", gain.mean, *gain.interval, words).color == color


def test_a_band_has_its_extremes_and_a_median():
    curves = np.array([[3.0, 1.0], [2.0, 5.0], [1.0, 3.0]])
    assert levels(curves).tolist() == [[1, 1], [2, 3], [3, 5]]
    drawn = bands([Band("one", style.ACCENT, [0, 1], curves)], {"own": ([0], [9.0])}, x_title="x", y_title="y")
    assert [list(trace.y) for trace in drawn.data] == [[3, 5], [1, 1], [2, 3], [9]]
    with pytest.raises(ValueError, match=r"one: curves \(3, 2\) must be \(seeds, 3\)"):
        bands([Band("one", style.ACCENT, [0, 1, 2], curves)], x_title="x", y_title="y")


def test_a_character_is_in_the_row_of_its_expert_the_surest_first():
    shares = np.array([[0.1, 0.9], [1.0, 0.0], [0.3, 0.7], [0.6, 0.4]])
    _, letters = figures.expert_tiles("abc ", shares).data
    places = dict(zip(letters.text, zip(letters.y, letters.x, strict=True), strict=True))
    assert places == {"b": (0, 0), "·": (0, 1), "a": (1, 0), "c": (1, 1)}
    assert letters.hovertext[0] == "a: expert 0 10%, expert 1 90%"
    with pytest.raises(ValueError, match="must be"):
        figures.expert_tiles("ab", shares)


def test_the_page_shows_two_rungs_of_equal_size(ladder_page):
    for rung in (8, 15):
        app = ladder_page(rung=str(rung))
        assert not app.exception and not app.error
        here, before = (int(values(app)[name].replace(",", "")) for name in list(values(app))[:2])
        assert here == pytest.approx(before, rel=0.01)
    assert len(plots(app)) == 3


def test_a_rung_waits_for_its_turn_and_joins_the_bands(ladder_page, runs):
    app = press(ladder_page(**{"later-rung": "9", "ladder-seed": "77"}), "Train")
    assert not app.exception and not app.error
    recipe = load_run(runs / RUN).recipe
    assert (recipe.seed, recipe.model.positions) == (77, "rotary")


def test_a_trained_rung_joins_the_bands(ladder_page, runs):
    short = gains.LADDER["rung-9"].changed(seed=77, steps=2, eval_every=1, snapshots=1)
    train(create_run(runs / RUN, short), torch.device("cpu"))
    app = ladder_page(**{"later-rung": "9"})
    assert not app.exception and not app.error
    assert "yours (seed 77)" in plots(app)[1].spec


def test_the_exercise_has_the_rungs_of_the_ladder():
    assert list(after.RUNGS) == [gains.rung_title(name) for name in gains.NUMBERS]


def test_the_pages_code_gives_the_same_gain():
    before, after_it = [2.1, 2.2, 2.0, 2.3, 2.1], [2.0, 2.1, 2.0, 2.1, 2.1]
    mean, half_width = run("ladder", "gain")["paired_gain"](torch.tensor(before), torch.tensor(after_it))
    gain = paired_gain(before, after_it)
    assert (mean, half_width) == pytest.approx((gain.mean, gain.half_width), abs=1e-6)
