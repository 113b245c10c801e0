import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer.figures.race import HIGHEST, Racer, race_curves, spread

values = st.lists(st.floats(-100, 100), max_size=12)


@given(values, st.floats(0, 5))
def test_labels_keep_their_order_their_distance_and_their_mean(values, gap):
    placed = spread(values, gap)
    order = np.argsort(values, kind="stable")
    assert (np.diff(placed[order]) >= gap - 1e-6).all()
    assert placed.sum() == pytest.approx(sum(values), abs=1e-6)


@given(values)
def test_labels_that_do_not_touch_stay(values):
    assert spread(values, 0.0).tolist() == pytest.approx(values)


def test_each_run_is_a_thin_and_a_thick_curve_in_one_colour_with_its_published_loss():
    racers = [
        Racer("rung 1", "#000001", ([0, 1], [4.0, 3.0]), ([0, 1], [4.1, 3.1]), 2.5),
        Racer("rung 2", "#000002", ([0], [4.2]), ([], [])),
    ]
    drawn = race_curves(racers, unit="steps", end=10)
    assert [trace.line.color for trace in drawn.data] == ["#000001", "#000001", "#000002", "#000002"]
    assert list(drawn.data[1].y) == [4.1, 3.1] and [trace.name for trace in drawn.data][1::2] == ["rung 1", "rung 2"]
    assert [shape.y0 for shape in drawn.layout.shapes] == [2.5]
    assert drawn.layout.yaxis.range[1] == HIGHEST and drawn.layout.yaxis.range[0] < 2.0


@pytest.mark.parametrize(("newest", "top"), [([3.1, 2.6], HIGHEST), ([2.6, 4.1], 4.2), ([1e9], 5.0), ([], HIGHEST)])
def test_the_axis_reaches_up_to_the_run_that_is_behind(newest, top):
    racers = [Racer("rung", "#000001", ([], []), ([0, 1], [4.2, loss])) for loss in newest] + [
        Racer("new", "#000002", ([], []), ([], []))
    ]
    assert race_curves(racers, unit="steps", end=10).layout.yaxis.range[1] == pytest.approx(top)


def test_a_curve_of_unequal_lengths_is_refused():
    with pytest.raises(ValueError, match="rung 1: 2 places and 1 losses of validation"):
        race_curves([Racer("rung 1", "#000", ([], []), ([0, 1], [4.0]))], unit="steps", end=1)
