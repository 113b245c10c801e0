"""Embeddings of n-grams, by their definition, in pieces, and as one more part of the residual stream."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gpt import GPT, PRESETS, GPTConfig, Seq2Seq
from gpt.model.attention import KVCache
from gpt.model.ngrams import FACTOR, PRIME, NGrams
from gpt.train.estimate import count_parameters

tokens = st.lists(st.integers(0, 10), min_size=1, max_size=9)
CONFIG = GPTConfig(vocab_size=11, block_size=12, n_embd=4, n_head=2, ngrams=4, ngram_rows=50)


@pytest.fixture(scope="module")
def ngrams() -> NGrams:
    module = NGrams(CONFIG).requires_grad_(False)
    assert not module.table.any()  # as it begins
    module.table.normal_(generator=torch.Generator().manual_seed(0))
    return module


def row(gram: list[int]) -> int:
    """The row of an n-gram: a number with its last token as the first digit, in the base FACTOR, modulo PRIME."""
    key = 0
    for token in reversed(gram):
        key = (key * FACTOR + token) % PRIME
    return key % CONFIG.ngram_rows


@given(tokens)
def test_each_token_gets_the_rows_of_the_n_grams_that_end_there(ngrams, text):
    vectors = ngrams(torch.tensor([text]))
    for end in range(1, len(text) + 1):
        grams = [text[end - n : end] for n in (2, 3, 4) if n <= end]  # the first tokens have fewer
        expected = sum((ngrams.table[row(gram)] for gram in grams), torch.zeros(4))
        torch.testing.assert_close(vectors[0, end - 1], expected)


@given(st.lists(tokens, min_size=1, max_size=5))
def test_pieces_give_what_the_whole_text_gives(ngrams, pieces):
    past, second = KVCache(99), 1  # the second row of the batch has other tokens
    batches = [torch.tensor([piece, [(token + second) % 11 for token in piece]]) for piece in pieces]
    vectors = torch.cat([ngrams(batch, past) for batch in batches], dim=1)
    torch.testing.assert_close(vectors, ngrams(torch.cat(batches, dim=1)))
    assert past.last[ngrams].shape[1] <= 3


def test_n_grams_of_a_large_vocabulary_share_rows_by_chance_only():
    ngrams = NGrams(GPTConfig(vocab_size=50_257, n_embd=4, ngrams=3, ngram_rows=2**16)).requires_grad_(False)
    ngrams.table.normal_()
    ids = torch.randint(50_257, (1, 2000), generator=torch.Generator().manual_seed(0))
    for keys in ngrams.keys(ids):
        assert 0 <= int(keys.min()) <= int(keys.max()) < PRIME
        assert len((keys % 2**16).unique()) > 0.97 * keys.numel()  # by chance, 1 in 66 meets an earlier one
    assert torch.equal(ngrams(ids.int()), ngrams(ids))


def test_a_model_begins_as_one_without(ids):
    torch.manual_seed(0)
    plain = GPT(replace(CONFIG, ngrams=1))
    torch.manual_seed(0)
    model = GPT(CONFIG)
    assert torch.equal(model(ids()), plain(ids()))
    assert set(model.state_dict()) - set(plain.state_dict()) == {"ngrams.table"}


@pytest.mark.parametrize("changes", [{}, {"positions": "none"}, {"positions": "rotary"}])
def test_the_stream_begins_with_the_sum_of_all_embeddings(make_model, ids, changes):
    _, cache = make_model(ngrams=3, ngram_rows=30, **changes).run_with_cache(ids())
    parts = [cache[name] for name in ("hook_embed", "hook_pos_embed", "hook_ngrams") if name in cache]
    assert len(parts) == 2 + (not changes)
    torch.testing.assert_close(sum(parts), cache["resid_pre", 0])


def test_a_hook_may_switch_them_off(make_model, ids):
    model = make_model(ngrams=3, ngram_rows=30)
    off = model.run_with_hooks(ids(), {"hook_ngrams": lambda value, name: value.zero_()})
    assert not torch.allclose(off, model(ids()))
    model.ngrams.table.zero_()
    torch.testing.assert_close(off, model(ids()))


def test_an_encoder_decoder_has_them_on_both_sides():
    torch.manual_seed(0)
    model = Seq2Seq(CONFIG).eval().requires_grad_(False)
    source, target = torch.tensor([[1, 2, 3]]), torch.tensor([[4, 5]])
    before = model.run_with_cache((source, target), "hook_*coder_embed")[1]
    model.ngrams.table.fill_(1.0)
    after = model.run_with_cache((source, target), "hook_*coder_embed")[1]
    added = {name: (after[name] - before[name])[0, :, 0].round().tolist() for name in before}
    assert added == {"hook_encoder_embed": [0, 1, 2], "hook_decoder_embed": [0, 1]}


def test_an_old_config_has_none():
    old = {name: value for name, value in GPTConfig().to_dict().items() if not name.startswith("ngram")}
    assert GPTConfig.from_dict(old).ngrams == 1


def test_the_preset_is_no_larger_than_nanogpts_but_for_its_embeddings():
    def besides_embeddings(name: str) -> int:
        model = PRESETS[name].model
        tables = model.ngram_rows * (model.ngrams > 1) + model.vocab_size + model.block_size * model.has_pos_embed
        return count_parameters(model) - tables * model.n_embd

    for name in ("fast-1.88", "fast-1.88-ngrams"):
        assert besides_embeddings(name) <= besides_embeddings("nanogpt-cpu")
