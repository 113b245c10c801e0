import inspect

import pytest

from explorer.shared.source import code_of
from explorer.train.race import CODE, RUNGS
from gpt import lecture
from gpt.model.block import Block
from gpt.model.mlp import MLP


def test_a_function_is_shown_whole_and_says_where_it_stands():
    place, *lines = code_of(MLP.forward).split("\n")
    assert lines[0].startswith("def forward(self") and lines[-1].startswith("    return")
    file, number = place.removeprefix("# ").split(", line ")
    assert file == "gpt/model/mlp.py" and int(number) == inspect.getsourcelines(MLP.forward)[1]


def test_a_decorated_function_stands_where_it_was_written():
    """torch's decorators are functions of another file, inside the repository's folder or not."""
    assert code_of(lecture.edit_effects).startswith("# gpt/lecture.py, line ")


def test_only_the_lines_with_a_word_are_shown_in_their_order():
    source = inspect.getsource(Block._compute)
    shown = [line.strip() for line in code_of(Block._compute, "def", "mlp_out").split("\n")[1:]]
    kept = [line for line in shown if line != "…"]
    assert kept == [line.strip() for line in source.split("\n") if "def" in line or "mlp_out" in line]
    assert "…" in shown


def test_a_word_that_stands_nowhere_is_refused():
    with pytest.raises(ValueError, match=r"forward has no line with softmax"):
        code_of(MLP.forward, "softmax")


@pytest.mark.parametrize("rung", RUNGS)
def test_every_rung_finds_its_lines_in_the_running_source(rung):
    for function, words in CODE[rung]:
        shown = code_of(function, *words)
        assert all(any(word in line for line in shown.split("\n")) for word in map(str.strip, words))
