import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from explorer.figures.curves import MEMORY, POINTS, Branch, Level, loss_curves, running_mean, thinned

LOSSES = st.lists(st.floats(0, 20), max_size=60)


@given(LOSSES)
def test_a_running_mean_stays_between_the_extremes_of_what_it_has_seen(losses):
    means = running_mean(losses)
    assert means.shape == (len(losses),)
    for i, mean in enumerate(means):
        assert min(losses[: i + 1]) - 1e-9 <= mean <= max(losses[: i + 1]) + 1e-9


def test_a_running_mean_weighs_older_values_less():
    assert running_mean([1.0, 0.0]) == pytest.approx([1.0, 0.9 / 1.9])
    assert running_mean([3.0] * 50) == pytest.approx([3.0] * 50)


@given(st.lists(st.floats(-20, 20), max_size=5), st.integers(1, 400))
def test_a_running_mean_is_the_recursion_that_defines_it(pattern, times):
    values, total, weight, expected = times * pattern, 0.0, 0.0, []
    for value in values:
        total, weight = MEMORY * total + value, MEMORY * weight + 1
        expected.append(total / weight)
    assert running_mean(values) == pytest.approx(expected, abs=1e-9)


@given(npst.arrays(float, st.integers(0, 500), elements=st.floats(-9, 9)), st.integers(4, 60))
def test_thinning_keeps_both_ends_and_every_extreme(values, points):
    kept = thinned(values, points)
    assert len(kept) <= max(points, 4) and (np.diff(kept) > 0).all()
    if len(values):
        assert kept[0] == 0 and kept[-1] == len(values) - 1
        assert (values[kept].min(), values[kept].max()) == (values.min(), values.max())


def test_a_run_of_300_000_rows_is_drawn_with_few_points_and_its_peaks():
    losses = np.linspace(4, 1, 300_000)
    losses[123_456] = 9.0
    batches, mean, validation = loss_curves(
        (np.arange(300_000), losses), (np.arange(300_000), losses), steps=300_000
    ).data
    assert max(len(batches.x), len(mean.x), len(validation.x)) <= POINTS
    assert 9.0 in batches.y and batches.x[-1] == mean.x[-1] == 299_999


def test_the_curves_are_the_numbers_that_were_logged():
    drawn = loss_curves(([0, 10], [4.0, 3.0]), ([0], [4.1]), steps=100)
    batches, mean, validation = drawn.data
    assert (list(batches.x), list(batches.y)) == ([0, 10], [4.0, 3.0])
    assert list(mean.y) == pytest.approx([4.0, (0.9 * 4 + 3) / 1.9])
    assert (list(validation.x), list(validation.y)) == ([0], [4.1])
    assert list(drawn.layout.xaxis.range) == [0, 100]


def test_levels_are_lines_at_their_loss_with_their_name():
    drawn = loss_curves(([], []), ([], []), steps=10, levels=[Level("counted bigram", 2.48), Level("ln 65 =", 4.174)])
    assert {shape.y0 for shape in drawn.layout.shapes} == {2.48, 4.174}
    assert {note.text for note in drawn.layout.annotations} == {"counted bigram 2.48", "ln 65 = 4.17"}


def test_names_of_close_levels_do_not_touch():
    close = loss_curves(([], []), ([], []), steps=9, levels=[Level("ln 27 =", 3.30), Level("counted bigram", 3.25)])
    apart = loss_curves(([], []), ([], []), steps=9, levels=[Level("ln 65 =", 4.17), Level("counted bigram", 2.48)])
    assert [note.yanchor for note in close.layout.annotations] == ["bottom", "top"]
    assert [note.yanchor for note in apart.layout.annotations] == ["bottom", "bottom"]


def test_a_long_curve_is_thinned_and_stays_where_it_was():
    steps, losses = np.arange(10_000), np.linspace(4, 1, 10_000)
    _, mean, _ = loss_curves((steps, losses), ([], []), steps=10_000).data
    assert len(mean.x) <= 2000 and np.array_equal(mean.y, running_mean(losses)[mean.x.astype(int)])


def test_the_parents_curve_bears_its_name_as_it_is():
    parent = Branch("<b>a & b</b>", 1, [0, 1], [4.0, 3.0])
    drawn = loss_curves(([1], [3.0]), ([], []), steps=9, parent=parent)
    assert drawn.data[0].name == "&lt;b&gt;a &amp; b&lt;/b&gt;, train" and drawn.layout.annotations[-1].text == "fork"


@settings(max_examples=30)
@given(LOSSES, st.lists(st.floats(0.1, 10), max_size=3))
def test_everything_lies_inside_the_axis(losses, levels):
    drawn = loss_curves(
        (range(len(losses)), losses),
        ([], []),
        steps=60,
        levels=[Level(str(i), level) for i, level in enumerate(levels)],
    )
    low, high = drawn.layout.yaxis.range
    assert all(low <= value <= high for value in [*losses, *levels])
    assert high > low


def test_the_axis_stands_still_while_a_loss_falls_to_what_is_usual():
    levels = [Level("knows nothing", np.log(65)), Level("counted bigram", 2.48)]
    before, after = (loss_curves(([0], [loss]), ([], []), steps=9, levels=levels) for loss in (4.2, 1.8))
    assert before.layout.yaxis.range == after.layout.yaxis.range


def test_unequal_lengths_are_refused():
    with pytest.raises(ValueError, match="one loss per step"):
        loss_curves(([0, 1], [4.0]), ([], []), steps=10)
