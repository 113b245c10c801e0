"""A figure is drawn once for the same contents, and again where any of them differs."""

import numpy as np
import plotly.graph_objects as go
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from explorer.figures.kept import content, kept
from explorer.figures.next_token import next_token_bars

VALUES = st.recursive(
    st.integers() | st.text() | st.booleans() | st.none() | arrays.arrays("float32", arrays.array_shapes(max_side=3)),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text(), inner, max_size=3)
    ),
    max_leaves=6,
)


def same(one, other) -> bool:
    """Whether two values have the same types and contents throughout."""
    if type(one) is not type(other):
        return False
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other


@given(VALUES, VALUES)
def test_contents_are_equal_where_the_values_are_and_only_there(one, other):
    assert hash(content(one)) == hash(content(one))
    assert (content(one) == content(other)) == same(one, other)


def test_what_was_drawn_is_drawn_again_only_for_other_arguments():
    calls = []

    @kept
    def bars(heights: np.ndarray, *, color: str) -> go.Figure:
        calls.append(color)
        return go.Figure(go.Bar(y=heights, marker={"color": color}))

    first = bars(np.array([1.0, np.nan]), color="red")
    assert bars(np.array([1.0, np.nan]), color="red") is first and calls == ["red"]
    assert list(bars(np.array([1.0, 2.0]), color="red").data[0].y) == [1, 2]
    assert bars(np.array([1.0, 2.0]), color="blue").data[0].marker.color == "blue" and len(calls) == 3


def test_an_error_is_no_figure():
    for _ in range(2):
        with pytest.raises(ValueError, match="probabilities"):
            next_token_bars(["a"], np.array([0.5, 0.5]))


def test_an_array_that_changes_afterwards_changes_no_figure():
    probabilities = np.array([0.75, 0.25])
    drawn = next_token_bars(["a", "b"], probabilities)
    probabilities[:] = 0.5
    assert next_token_bars(["a", "b"], np.array([0.75, 0.25])) is drawn
    assert list(next_token_bars(["a", "b"], probabilities).data[0].x)[:2] == [0.5, 0.5]
