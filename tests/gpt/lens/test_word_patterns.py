import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gpt import GPT, GPTConfig
from gpt.lens.sink import without_first_token
from gpt.lens.word_patterns import merge_to_words, reading_back, shared_weight, word_patterns


def random_patterns(T: int, seed: int = 0) -> torch.Tensor:
    scores = torch.randn(2, 3, T, T, generator=torch.Generator().manual_seed(seed))
    return scores.masked_fill(torch.ones(T, T).triu(1).bool(), -torch.inf).softmax(-1)


def random_gpt(**more) -> GPT:
    torch.manual_seed(0)
    config = GPTConfig(vocab_size=11, block_size=16, n_layer=2, n_head=2, n_embd=8, **more)
    return GPT(config).eval().requires_grad_(False)


def test_rows_are_averaged_and_columns_summed():
    pattern = torch.tensor([[1.0, 0, 0], [0.25, 0.75, 0], [0.2, 0.3, 0.5]])
    merged = merge_to_words(pattern, torch.tensor([0, 1, 1]))
    expected = torch.tensor([[1.0, 0], [(0.25 + 0.2) / 2, (0.75 + 0.8) / 2]])
    torch.testing.assert_close(merged, expected)


def test_words_of_one_token_keep_the_pattern():
    patterns = random_patterns(7)
    torch.testing.assert_close(merge_to_words(patterns, torch.arange(7)), patterns)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(1, 4), min_size=1, max_size=6), st.integers(0, 99))
def test_rows_still_sum_to_one_and_words_read_no_later_word(lengths, seed):
    words = torch.arange(len(lengths)).repeat_interleave(torch.tensor(lengths))
    merged = merge_to_words(random_patterns(len(words), seed), words)
    torch.testing.assert_close(merged.sum(-1), torch.ones(2, 3, len(lengths)))
    assert not merged.triu(1).any()


def test_an_empty_row_does_not_count_in_its_word():
    hidden = without_first_token(torch.tensor([[1.0, 0, 0], [0.8, 0.2, 0], [0.5, 0.2, 0.3]]))
    merged = merge_to_words(hidden, torch.tensor([0, 0, 1]))
    torch.testing.assert_close(merged, torch.tensor([[1.0, 0], [0.4, 0.6]]))
    assert merge_to_words(hidden, torch.tensor([0, 1, 1]))[0].isnan().all()


@pytest.mark.parametrize("words", [[0, 1], [0, 2, 2], [1, 1, 1]])
def test_words_that_do_not_fit_the_tokens_are_refused(words):
    with pytest.raises(ValueError, match="words from 0 on"):
        merge_to_words(random_patterns(3), torch.tensor(words))


@pytest.mark.parametrize("more", [{}, {"n_kv_head": 1, "positions": "rotary", "norm": "rms", "window": 4}])
def test_a_models_patterns_are_merged_layer_by_layer(more):
    model, ids, words = random_gpt(**more), torch.tensor([3, 1, 4, 1, 5, 9]), torch.tensor([0, 0, 1, 2, 2, 3])
    _, cache = model.run_with_cache(ids[None], "blocks.*.attn.hook_pattern")
    patterns = torch.cat(list(cache.values()))
    layers: list[int] = []
    whole, others = word_patterns(model, ids, words, lambda done, total: layers.append(done))
    torch.testing.assert_close(whole, merge_to_words(patterns, words))
    torch.testing.assert_close(others, merge_to_words(without_first_token(patterns), words), equal_nan=True)
    assert layers == [1, 2]


def test_a_pattern_shares_all_its_weight_with_itself_only():
    patterns = random_patterns(6)
    for layer in range(2):
        for head in range(3):
            shared = shared_weight(patterns[layer, head], patterns)
            assert shared.shape == (2, 3) and int(shared.argmax()) == 3 * layer + head
            assert shared.max() == pytest.approx(1)


def test_weight_on_other_words_is_not_shared():
    here, there = torch.tensor([[1.0, 0], [1, 0]]), torch.tensor([[1.0, 0], [0.25, 0.75]])
    assert shared_weight(here, there) == pytest.approx((1 + 0.25) / 2)
    empty = torch.tensor([[torch.nan, torch.nan], [1, 0]])
    assert shared_weight(empty, there) == pytest.approx(0.25)


def test_a_previous_word_head_reads_back_and_a_sink_does_not():
    previous = torch.eye(5).roll(-1, 1)
    previous[0] = torch.eye(5)[0]
    sink = torch.eye(5)[0].expand(5, 5)
    assert reading_back(torch.stack((previous, sink, torch.eye(5)))).tolist() == [1, 0, 0]
