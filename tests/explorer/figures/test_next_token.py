"""The bars of the next token's distribution."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from explorer.figures import style
from explorer.figures.next_token import next_token_bars
from explorer.figures.tokens import labels


def test_bars_stand_largest_first_with_the_rest_below():
    bars = next_token_bars(["a", "\n", " "], np.array([0.1, 0.5, 0.2])).data[0]
    assert list(bars.customdata) == ["⏎", "·", "a", "all others"]
    assert list(bars.x) == pytest.approx([0.5, 0.2, 0.1, 0.2])


def test_the_token_that_was_drawn_has_a_colour_of_its_own():
    bars = next_token_bars(["a", "b"], np.array([0.7, 0.3]), chosen="b").data[0]
    assert list(bars.marker.color) == [style.ACCENT, style.SECOND, style.MUTED]


def test_labels_are_text_and_never_markup():
    figure = next_token_bars(["<b>x</b>"], np.array([1.0]))
    assert figure.layout.yaxis.ticktext[0] == "&lt;b&gt;x&lt;/b&gt;"


@pytest.mark.parametrize("wrong", [[0.5], [[0.5, 0.5]], [0.9, 0.9], [-0.1, 0.5], [np.nan, 0.5]])
def test_what_is_no_distribution_is_refused(wrong):
    with pytest.raises(ValueError, match="probabilities"):
        next_token_bars(["a", "b"], np.array(wrong))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_bars_always_sum_to_one_and_keep_their_height(shares):
    probabilities = np.array(shares) / max(1.0, sum(shares))
    figure = next_token_bars([str(i) for i in range(len(shares))], probabilities)
    assert sum(figure.data[0].x) == pytest.approx(1)
    assert figure.layout.height == next_token_bars(["a"], np.array([1.0])).layout.height


def test_labels_tell_equal_tokens_apart():
    assert labels(["a", "a"]) == ["0 a", "1 a"]


def test_a_head_has_its_own_colour():
    assert len({style.head_color(head) for head in range(24)}) == 24
