import numpy as np
import pytest

from explorer.compare.figures import bits_bars
from explorer.explore.tokens.figures import split_bar, vocabulary_against_length
from explorer.figures.style import CONTRAST, contrast


def test_bars_have_the_bits_and_the_names_as_text():
    drawn = bits_bars(["guessing", "<b>a</b>", "b"], [6.0, 2.5, 3.5])
    assert list(drawn.data[0].x) == [6.0, 2.5, 3.5]
    assert [note.text for note in drawn.layout.annotations] == ["guessing", "&lt;b&gt;a&lt;/b&gt;", "b"]


@pytest.mark.parametrize("bits", [[1.0], [1.0, float("nan")], [1.0, -1.0]])
def test_bars_refuse_what_is_no_loss(bits):
    with pytest.raises(ValueError):
        bits_bars(["a", "b"], bits)


def test_vocabularies_are_drawn_by_size_and_only_the_shown_are_named():
    drawn = vocabulary_against_length(["big", "small"], [512, 65], [30, 60], shown=[1])
    assert list(drawn.data[0].x) == [65, 512]
    assert list(drawn.data[0].y) == [60, 30]
    assert list(drawn.data[0].text) == ["small", ""]


@pytest.mark.parametrize(("sizes", "lengths"), [([65], [1, 2]), ([0, 1], [1, 2])])
def test_vocabularies_of_no_size_are_refused(sizes, lengths):
    with pytest.raises(ValueError):
        vocabulary_against_length(["a", "b"], sizes, lengths, shown=[])


def test_the_split_is_where_the_cut_is_and_chunks_start_before_it():
    drawn = split_bar(100, 90, [0, 5, 80])
    assert [bar.x[0] for bar in drawn.data[:2]] == [90, 10]
    assert np.array_equal(drawn.data[2].x, [0, 5, 80])


def test_the_name_of_a_part_is_readable_on_its_bar():
    drawn = split_bar(100, 90, [])
    training, (name,) = drawn.data[0], drawn.layout.annotations
    assert name.font.color == "white" and training.marker.opacity is None, "the same on a light and a dark page"
    assert contrast((255, 255, 255), list(bytes.fromhex(training.marker.color[1:]))) >= CONTRAST


@pytest.mark.parametrize(("cut", "starts"), [(0, []), (101, []), (90, [90]), (90, [-1])])
def test_a_cut_outside_the_text_and_chunks_behind_it_are_refused(cut, starts):
    with pytest.raises(ValueError):
        split_bar(100, cut, starts)
