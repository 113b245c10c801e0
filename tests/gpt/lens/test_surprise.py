import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gpt import GPT, Bigram, BPETokenizer, CharTokenizer, GPTConfig, loss_of
from gpt.lens.surprise import bits, per_character, surprise
from gpt.text.hf_tokenizer import HFTokenizer
from gpt.text.splitting import sentencepiece_bpe

TEXT = "to be, or not to be: that is the question\n" * 20
BPE = BPETokenizer.train(TEXT, 280)


def uniform(vocab_size: int, block_size: int) -> Bigram:
    model = Bigram(GPTConfig(vocab_size=vocab_size, block_size=block_size, n_layer=0)).eval()
    torch.nn.init.zeros_(model.table.weight)
    return model


def random_gpt(vocab_size: int = 11, block_size: int = 6) -> GPT:
    torch.manual_seed(0)
    return GPT(GPTConfig(vocab_size=vocab_size, block_size=block_size, n_layer=1, n_head=2, n_embd=8)).eval()


@settings(deadline=None)
@given(st.integers(0, 40), st.integers(1, 8), st.data())
def test_a_uniform_model_is_surprised_by_ln_v_everywhere_but_at_the_first(n, block_size, data):
    ids = torch.randint(65, (n,), generator=torch.Generator().manual_seed(n))
    nats = surprise(uniform(65, block_size), ids, data.draw(st.integers(1, block_size)))
    assert nats.shape == (n,)
    assert nats[:1].isnan().all()
    torch.testing.assert_close(nats[1:], torch.full((max(0, n - 1),), math.log(65)))


def test_a_counted_bigram_is_surprised_by_the_share_of_the_pair():
    tokenizer = CharTokenizer.from_text("abc")
    ids = torch.tensor(tokenizer.encode("abac" * 50 + "b"))  # a is followed by b 50 times, by c 50 times
    model = Bigram.from_counts(ids, GPTConfig(vocab_size=3, block_size=4, n_layer=0), smoothing=1e-6).eval()
    nats = surprise(model, torch.tensor(tokenizer.encode("bab")))
    torch.testing.assert_close(nats[1:], torch.tensor([0.0, math.log(2)]), atol=1e-5, rtol=0)


def test_within_one_context_it_is_the_models_cross_entropy():
    model = random_gpt()
    ids = torch.tensor([3, 1, 4, 1, 5, 9, 2])
    expected = loss_of(model(ids[None, :-1]), ids[None, 1:])
    torch.testing.assert_close(surprise(model, ids)[1:].mean(), expected)


@settings(deadline=None, max_examples=40)
@given(st.integers(2, 20), st.integers(1, 6))
def test_each_token_is_read_with_at_least_the_promised_context(n, stride):
    model = random_gpt()
    ids = torch.randint(11, (n,), generator=torch.Generator().manual_seed(n))
    nats = surprise(model, ids, stride)
    T = model.config.block_size
    for position in range(1, n):
        candidates = [
            -model(ids[None, start:position])[0, -1].log_softmax(-1)[ids[position]]
            for start in range(max(0, position - T), position)
            if position - start >= min(position, T - stride + 1)
        ]
        assert any(torch.isclose(nats[position], c, atol=1e-5) for c in candidates)


def test_stride_of_a_whole_context_is_the_loss_of_chunks_side_by_side():
    model = random_gpt()
    ids = torch.randint(11, (1 + 6 * 5,), generator=torch.Generator().manual_seed(1))
    expected = loss_of(model(ids[:-1].view(5, 6)), ids[1:].view(5, 6))
    torch.testing.assert_close(surprise(model, ids, stride=6)[1:].mean(), expected)


@pytest.mark.parametrize(
    ("ids", "stride"), [(torch.zeros(1, 4).long(), 1), (torch.zeros(4).long(), 0), (torch.zeros(4).long(), 7)]
)
def test_other_shapes_and_strides_are_refused(ids, stride):
    with pytest.raises(ValueError, match="stride"):
        surprise(random_gpt(), ids, stride)


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_spreading_over_characters_keeps_the_sum(text):
    ids = BPE.encode(text)
    nats = torch.rand(len(ids), generator=torch.Generator().manual_seed(len(ids)))
    spread = per_character(nats, ids, text, BPE)
    assert spread.shape == (len(text),)
    torch.testing.assert_close(spread.sum(), nats.sum(), atol=1e-4, rtol=1e-4)


def test_a_token_of_three_characters_gives_each_a_third():
    tokenizer = BPETokenizer.train("the the the the the the", 258)
    ids = tokenizer.encode("the")
    assert len(ids) == 1
    assert per_character(torch.tensor([3.0]), ids, "the", tokenizer).tolist() == [1.0, 1.0, 1.0]


def test_characters_outside_an_alphabet_have_no_surprise():
    tokenizer = CharTokenizer("ab")
    ids = tokenizer.encode("a🎭b", replace="a")
    spread = per_character(torch.tensor([1.0, 2.0, 3.0]), ids, "a🎭b", tokenizer)
    assert spread.isnan().tolist() == [False, True, False]


def test_a_fair_coin_is_one_bit():
    assert bits(math.log(2)) == 1.0


def test_a_space_that_sentencepiece_puts_in_front_belongs_to_no_character():
    tokens = ["<unk>", *(f"<0x{byte:02X}>" for byte in range(256)), "▁", "a", "▁a"]
    library = sentencepiece_bpe(tokens, [0.0] * len(tokens), "<unk>", prefix=True)
    tokenizer = HFTokenizer.from_library(library)
    ids = tokenizer.encode("aé▁", replace="a")  # ▁ has no token and is read as a
    assert tokenizer.tokens(ids) == [" a", "\\xc3", "\\xa9", "a"]
    spread = per_character(torch.tensor([2.0, 3, 4, 5]), ids, "aé▁", tokenizer)
    assert spread[:2].tolist() == [2, 7], "the token's nats belong to the character that it spells"
    assert spread[2].isnan(), "▁ is outside the alphabet"
