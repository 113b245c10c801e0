import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gpt import BPETokenizer, CharTokenizer
from gpt.text.spelling import shared_start, shared_words, token_ends, token_starts, words_of_tokens

TEXT = "to be, or not to be: that is the question\n" * 20
BPE = BPETokenizer.train(TEXT, 300)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


def ends_of(tokenizer: CharTokenizer | BPETokenizer, text: str) -> torch.Tensor:
    return token_ends(tokenizer.token_bytes(tokenizer.encode(text)), text)


@settings(deadline=None)
@given(TEXTS)
def test_tokens_end_where_their_bytes_do(text):
    ends = ends_of(BPE, text)
    raw = text.encode()
    spelled = [raw[start:end] for start, end in zip(token_starts(ends).tolist(), ends.tolist(), strict=True)]
    assert spelled == BPE.token_bytes(BPE.encode(text))


def test_an_unknown_character_has_its_own_bytes_and_not_those_of_its_replacement():
    tokenizer = CharTokenizer("aé ")
    pieces = tokenizer.token_bytes(tokenizer.encode("a🎭é", replace="é"))
    assert token_ends(pieces, "a🎭é").tolist() == [1, 5, 7]


def test_the_space_in_front_of_a_text_belongs_to_no_byte():
    assert token_ends([b" to", b" be"], "to be").tolist() == [2, 5]
    assert token_ends([b" ", b"to"], "to").tolist() == [0, 2]


def test_tokens_of_another_text_are_refused():
    with pytest.raises(ValueError, match="the tokens spell 2 characters and the text has 5"):
        token_ends([b"to"], "to be")


def test_models_start_where_all_begin_a_token():
    text = " that is"
    by_character, by_bpe = ends_of(CharTokenizer.from_text(text), text), ends_of(BPE, text)
    start = shared_start(by_character, by_bpe)
    assert start == len(BPE.token_bytes(BPE.encode(text))[0]) > 1
    assert shared_start(by_character) == 1
    assert shared_start(torch.tensor([2, 5]), torch.tensor([3, 5])) == 5, "at the end at the latest"
    assert shared_start(torch.tensor([]), torch.tensor([])) == 0


def test_words_have_the_white_space_before_them():
    text = "MIRANDA:\nIf by your art, o'er-wrought é \n"
    ends = ends_of(CharTokenizer.from_text(text), text)
    expected = ["MIRANDA", ":", "\nIf", " by", " your", " art", ",", " o'er-wrought", " é", " \n"]
    assert shared_words(text, ends) == expected


def test_words_that_a_token_spells_together_are_one():
    assert shared_words("to be or", torch.tensor([5, 8])) == ["to be", " or"]


@settings(deadline=None)
@given(TEXTS)
def test_words_make_up_the_text_and_each_token_is_in_one(text):
    all_ends = ends_of(BPE, text), torch.tensor([len(text[: i + 1].encode()) for i in range(len(text))])
    words = shared_words(text, *all_ends)
    assert "".join(words) == text
    for ends in all_ends:
        indices = words_of_tokens(words, ends)
        assert indices.tolist() == sorted(indices.tolist())
        assert indices.unique().tolist() == list(range(len(words)))
