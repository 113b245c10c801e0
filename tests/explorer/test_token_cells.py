import pytest

from explorer.token_cells import Scale, chips, rows, running_text

SCALE = Scale("nats", 4.0, ((0, "0"), (4, "4")))


def test_values_lie_on_the_bar_of_their_scale():
    assert [SCALE.place(value) for value in (0, 2, 4)] == [0, 0.5, 1]
    both_ways = Scale("nats", 4.0, (), diverging=True)
    assert [both_ways.place(value) for value in (-4, 0, 4)] == [0, 0.5, 1]


def test_lists_of_different_length_are_refused():
    with pytest.raises(ValueError, match="as many"):
        running_text(["a", "b"], [1.0, 2.0], ["note"], SCALE, label="", key="k")
    with pytest.raises(ValueError, match="as many"):
        chips(["a"], [1, 2], ["note"], label="", key="k")
    with pytest.raises(ValueError, match="as many"):
        rows([["a", "b"]], [[1]], [["x", "y"]], label="", key="k")
