"""The loss of models with different tokens on the same bytes."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gpt import GPT, Bigram, BPETokenizer, CharTokenizer, GPTConfig
from gpt.lens import surprise as lens
from gpt.lens.surprise import TokenSurprises, score_tokens, shared_bytes, surprise, text_loss
from gpt.text.spelling import token_ends
from gpt.text.tokenizer import Tokenizer

TEXT = "to be, or not to be: that is the question\n" * 20
BPE = BPETokenizer.train(TEXT, 300)
BYTES = BPETokenizer.train("a", 256)  # no merges: one token per byte
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=2, max_size=60)


def uniform(vocab_size: int) -> Bigram:
    model = Bigram(GPTConfig(vocab_size=vocab_size, block_size=64, n_layer=0)).eval()
    torch.nn.init.zeros_(model.table.weight)
    return model


def random_gpt(vocab_size: int, **more) -> GPT:
    torch.manual_seed(0)
    config = {"block_size": 64, "n_layer": 2, "n_head": 2, "n_embd": 8} | more
    return GPT(GPTConfig(vocab_size=vocab_size, **config)).eval().requires_grad_(False)


def read(model: GPT | Bigram, tokenizer: Tokenizer, text: str) -> TokenSurprises:
    ids = tokenizer.encode(text)
    return TokenSurprises(*score_tokens(model, torch.tensor(ids)), token_ends(tokenizer.token_bytes(ids), text))


@settings(deadline=None)
@given(TEXTS)
def test_a_uniform_model_over_the_bytes_has_8_bits_per_byte(text):
    read_text = read(uniform(256), BYTES, text)
    counted = shared_bytes(text, [read_text])
    if counted.any():
        loss = text_loss(text, read_text, counted)
        assert loss.bits_per_byte == pytest.approx(8, abs=1e-5)
        assert loss.tokens == loss.n_bytes == len(text.encode()) - 1


def test_on_ascii_a_character_models_bits_per_byte_are_its_nats_per_token_in_bits():
    tokenizer = CharTokenizer.from_text(TEXT)
    read_text = read(random_gpt(tokenizer.vocab_size), tokenizer, TEXT[:60])
    loss = text_loss(TEXT[:60], read_text, shared_bytes(TEXT[:60], [read_text]))
    assert loss.nats_per_token == pytest.approx(read_text.nats[1:].mean().item(), rel=1e-6)
    assert loss.bits_per_byte == loss.bits_per_character == pytest.approx(loss.nats_per_token / math.log(2))


def test_characters_of_several_bytes_have_more_bits_than_their_bytes():
    text = "éàéàéà"
    tokenizer = CharTokenizer.from_text(text)
    read_text = read(uniform(2), tokenizer, text)
    loss = text_loss(text, read_text, shared_bytes(text, [read_text]))
    assert (loss.n_bytes, loss.n_characters) == (10, 5)
    assert loss.bits_per_character == pytest.approx(1)
    assert loss.bits_per_byte == pytest.approx(0.5)


def test_a_counted_bigram_has_the_bits_of_its_pairs():
    text = "abac" * 50 + "a"  # a is followed by b 50 times, by c 50 times
    tokenizer = CharTokenizer.from_text(text)
    config = GPTConfig(vocab_size=3, block_size=4, n_layer=0)
    model = Bigram.from_counts(torch.tensor(tokenizer.encode(text)), config, smoothing=1e-6).eval()
    read_text = read(model, tokenizer, "abacab")
    loss = text_loss("abacab", read_text, shared_bytes("abacab", [read_text]))
    assert loss.bits_per_byte == pytest.approx(3 / 5, abs=1e-4), "b, c and b after a cost a bit each, a after them none"


@settings(deadline=None, max_examples=50)
@given(TEXTS)
def test_two_models_are_measured_on_the_same_bytes(text):
    readings = [read(uniform(300), BPE, text), read(uniform(256), BYTES, text)]
    counted = shared_bytes(text, readings)
    assert torch.equal(counted, shared_bytes(text, readings[::-1]))
    losses = [text_loss(text, each, counted) for each in readings]
    assert losses[0].n_bytes == losses[1].n_bytes and losses[0].n_characters == losses[1].n_characters
    starts = [0, *readings[0].ends.tolist()]
    n_merged = sum(starts[i + 1] - starts[i] for i in range(1, len(starts) - 1))
    assert losses[0].n_bytes == n_merged, "all but the first merged token"
    assert losses[0].tokens == pytest.approx(len(readings[0].ends) - 1)


def test_a_character_outside_one_alphabet_counts_for_neither():
    text, tokenizer = "to 🎭 be", CharTokenizer.from_text("to be")
    ids = tokenizer.encode(text, replace=" ")
    nats = torch.tensor([math.nan, 1, 1, math.nan, 1, 1, 1])
    first = TokenSurprises(nats, torch.ones(7), token_ends(tokenizer.token_bytes(ids), text))
    counted = shared_bytes(text, [first, read(uniform(256), BYTES, text)])
    assert counted.tolist() == [False, True, True, *[False] * 4, True, True, True]
    assert text_loss(text, first, counted).n_bytes == 5


def test_the_loss_is_no_number_if_a_byte_without_a_value_is_counted():
    read_text = read(uniform(256), BYTES, "to be")
    assert math.isnan(text_loss("to be", read_text, torch.ones(5, dtype=torch.bool)).nats)


def test_ranks_count_the_likelier_tokens():
    model = Bigram(GPTConfig(vocab_size=3, block_size=8, n_layer=0)).eval()
    model.table.weight.data = torch.tensor([[3.0, 2, 1], [0, 0, 0], [1, 2, 3]])
    assert score_tokens(model, torch.tensor([0, 0, 1, 2, 0]))[1].tolist() == [0, 1, 2, 1, 3]


@pytest.mark.parametrize("more", [{}, {"n_kv_head": 1, "positions": "rotary", "norm": "rms", "window": 7}])
def test_reading_in_parts_is_reading_at_once(more, monkeypatch):
    model, ids = random_gpt(11, **more), torch.randint(11, (100,), generator=torch.Generator().manual_seed(1))
    whole = score_tokens(model, ids)
    monkeypatch.setattr(lens, "CHUNK", 5)
    monkeypatch.setattr(lens, "LOGITS_AT_ONCE", 60)
    parts: list[int] = []
    in_parts = score_tokens(model, ids, progress=lambda done, total: parts.append(done))
    torch.testing.assert_close(in_parts[0], whole[0], equal_nan=True, atol=1e-5, rtol=1e-5)
    assert torch.equal(in_parts[1], whole[1])
    assert len(parts) > 20 and parts[-1] == 99


def test_an_exception_in_the_progress_cancels_the_reading():
    def cancel(done: int, total: int) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        score_tokens(uniform(11), torch.arange(11), progress=cancel)
    assert surprise(uniform(11), torch.arange(11)).shape == (11,)
