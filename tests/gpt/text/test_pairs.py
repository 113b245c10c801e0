import pytest
import torch

from gpt import CharTokenizer
from gpt.text.pairs import IGNORED, encode_pairs, read_pairs, split_pairs
from gpt.text.tasks import TASKS

TEXT = "ab>x\nabc>yz\n\nab>x\nb>>y\n"


def test_lines_are_pairs_each_once():
    assert read_pairs(TEXT) == [("ab", "x"), ("abc", "yz"), ("b", ">y")]


@pytest.mark.parametrize("line", ["no pair", ">only a target", "only a source>"])
def test_a_line_that_is_no_pair_is_named(line):
    with pytest.raises(ValueError, match=f"line 2 of the text is '{line}'"):
        read_pairs(f"a>b\n{line}\n")


def test_validation_sources_are_new():
    pairs = read_pairs(TASKS["dates"].text(100_000))
    train, validation = split_pairs(pairs)
    assert len(train) == int(0.9 * len(pairs)) and len(validation) > 0.99 * (len(pairs) - len(train))
    assert not {source for source, _ in train} & {source for source, _ in validation}
    again = [("a", "b"), *((f"{n}", "x") for n in range(7)), ("a", "c"), ("new", "c")]
    assert split_pairs(again, 0.8)[1] == [("new", "c")]


@pytest.mark.parametrize("pairs", [[], [("a", "b")], [("a", "b")] * 9 + [("a", "c")]])
def test_too_few_pairs_are_refused(pairs):
    with pytest.raises(ValueError, match="too few for training and validation"):
        split_pairs(pairs)


def test_pairs_are_padded_and_what_is_padding_is_no_target():
    tokenizer = CharTokenizer.from_text(TEXT)
    pairs = encode_pairs(read_pairs(TEXT), tokenizer, block_size=3)
    assert pairs.lengths.tolist() == [2, 3, 1] and pairs.source.shape == (3, 3)
    source, lengths, inputs, targets = pairs.rows(torch.tensor([2, 0]))
    assert source.shape == (2, 2) and lengths.tolist() == [1, 2]
    assert tokenizer.decode(inputs[0].tolist()) == ">>y" and tokenizer.decode(targets[0].tolist()) == ">y\n"
    assert targets[1, 2] == IGNORED and tokenizer.decode(targets[1, :2].tolist()) == "x\n"


def test_what_does_not_fit_is_told():
    with pytest.raises(ValueError, match="give a block_size of at least 3, not 2"):
        encode_pairs(read_pairs(TEXT), CharTokenizer.from_text(TEXT), block_size=2)
