import math
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gpt import Bigram, BPETokenizer, CharTokenizer, GPTConfig, load_run
from gpt.lens import heads

MODELS = Path(__file__).resolve().parents[3] / "assets" / "models"
COPY = torch.tensor([[0, 1, 2, 3, 4, 0, 1, 2, 3, 4]])
T = COPY.size(1)


def reading_from(keys: list[int]) -> torch.Tensor:
    """The pattern of a head whose query i only reads from keys[i], (1, 1, T, T)."""
    return torch.nn.functional.one_hot(torch.tensor(keys), T).float()[None, None]


IDEAL = {
    "previous token": [0, *range(T - 1)],
    "first token": [0] * T,
    "duplicate token": [0] * 5 + [0, 1, 2, 3, 4],
    "induction": [0] * 5 + [1, 2, 3, 4, 5],
}


def uniform_weight(kind: str) -> float:
    """What uniform causal attention puts on the cells of a kind in COPY, each query that has one counting alike."""
    queries = range(1, T) if kind in ("previous token", "first token") else range(5, T)
    return sum(1 / (query + 1) for query in queries) / len(queries)


@pytest.mark.parametrize("kind", heads.KINDS)
def test_the_ideal_head_has_the_largest_score_there_is(kind):
    found = heads.scores(reading_from(IDEAL[kind]), COPY)
    assert found[kind].item() == pytest.approx(1 - uniform_weight(kind))
    assert found["entropy"].item() == pytest.approx(-1)
    assert heads.label({name: score.item() for name, score in found.items()}) == kind


@pytest.mark.parametrize("kind", heads.KINDS)
def test_a_head_that_reads_elsewhere_is_below_uniform(kind):
    found = heads.scores(reading_from(list(range(T))), COPY)
    assert found[kind].item() == pytest.approx(-uniform_weight(kind))


@settings(deadline=None)
@given(st.lists(st.integers(0, 3), min_size=2, max_size=12), st.booleans(), st.integers(1, 13) | st.none())
def test_uniform_attention_scores_zero(tokens, causal, window):
    ids = torch.tensor([tokens, tokens[::-1]])
    window = window if causal else None
    pattern = heads.uniform(len(tokens), causal=causal, window=window).expand(2, 3, -1, -1)
    for kind, score in heads.scores(pattern, ids, causal=causal, window=window).items():
        assert score.shape == (3,)
        assert (score.nan_to_num() == 0).all(), kind


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(0, 3), min_size=2, max_size=9), st.integers(0, 99))
def test_targets_are_what_their_names_say(tokens, seed):
    T = len(tokens)
    cells = {kind: found[0] for kind, found in heads.targets(torch.tensor([tokens])).items()}
    for query in range(T):
        for key in range(T):
            assert cells["previous token"][query, key] == (key == query - 1)
            assert cells["first token"][query, key] == (key == 0 < query)
            assert cells["duplicate token"][query, key] == (key < query and tokens[key] == tokens[query])
            assert cells["induction"][query, key] == (0 < key <= query and tokens[key - 1] == tokens[query])


def test_scores_are_bounded(ids):
    pattern = torch.randn(4, 5, 9, 9, generator=torch.Generator().manual_seed(0))
    pattern = pattern.masked_fill(~torch.ones(9, 9).tril().bool(), -torch.inf).softmax(-1)
    found = heads.scores(pattern, ids(4, 9, vocab_size=4))
    assert all((found[kind] >= -1).all() and (found[kind] <= 1).all() for kind in heads.KINDS)
    assert (found["entropy"] >= -1).all() and (found["entropy"] <= 0).all()


def test_without_a_repetition_there_is_nothing_to_score():
    found = heads.scores(heads.uniform(4)[None, None], torch.tensor([[0, 1, 2, 3]]))
    assert found["induction"].isnan().all() and found["duplicate token"].isnan().all()
    assert heads.label({name: score.item() for name, score in found.items()}) is None


def test_one_token_has_no_habits():
    found = heads.scores(torch.ones(1, 2, 1, 1), torch.tensor([[0]]))
    assert all(score.isnan().all() for score in found.values())


@pytest.mark.parametrize(("score", "named"), [(heads.THRESHOLD - 0.01, None), (heads.THRESHOLD, "induction")])
def test_a_head_gets_a_name_from_the_threshold_on(score, named):
    others = {"previous token": 0.1, "first token": 0.3, "duplicate token": math.nan, "entropy": -1.0}
    assert heads.label({**others, "induction": score}) == named


@pytest.mark.parametrize("shape", [(1, 1, 9, 10), (2, 1, 10, 10), (1, 10, 10)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(ValueError, match="patterns"):
        heads.scores(torch.zeros(shape), COPY)


@pytest.mark.parametrize("switches", [{}, {"n_kv_head": 1, "d_head": 6, "positions": "rotary", "window": 4}])
def test_the_scores_of_a_model_are_those_of_its_patterns(make_model, ids, switches):
    model, batch = make_model(**switches), ids(3, 9)
    _, cache = model.run_with_cache(batch)
    found = heads.head_scores(model, batch)
    window = switches.get("window")
    for name in heads.SCORES:
        assert found[name].shape == (2, 2)
        for layer in range(2):
            expected = heads.scores(cache["pattern", layer], batch, window=window)[name]
            torch.testing.assert_close(found[name][layer], expected)


def test_uniform_attention_in_a_window_is_even_over_the_window():
    expected = torch.tensor([[1, 0, 0, 0], [1 / 2, 1 / 2, 0, 0], [0, 1 / 2, 1 / 2, 0], [0, 0, 1 / 2, 1 / 2]])
    torch.testing.assert_close(heads.uniform(4, window=2), expected)
    torch.testing.assert_close(heads.uniform(1, 4, window=2), expected[3:])
    torch.testing.assert_close(heads.uniform(4, window=9), heads.uniform(4))


def test_a_bigram_has_no_heads():
    table = Bigram(GPTConfig(vocab_size=5, n_layer=0)).eval()
    assert {score.shape for score in heads.head_scores(table, COPY).values()} == {(0, 0)}


def test_the_shipped_induction_model_is_read_right():
    run = load_run(MODELS / "induction")
    model = run.model()
    found = heads.head_scores(model, heads.probe_set(run.tokenizer, model.config.block_size))
    names = [
        [heads.label({name: score[layer, head].item() for name, score in found.items()}) for head in range(4)]
        for layer in range(2)
    ]
    assert "induction" not in names[0] and names[1].count("induction") >= 2
    assert "previous token" in names[0] and "previous token" not in names[1]
    untrained = heads.head_scores(run.model(0), heads.probe_set(run.tokenizer, model.config.block_size))
    assert all((untrained[kind].nan_to_num() < 0.1).all() for kind in heads.KINDS)


@pytest.mark.parametrize("block_size", [2, 7, 64, 256])
def test_the_probe_set_repeats_letters(block_size):
    tokenizer = CharTokenizer.from_text("abcdefghijklmnopqrstuvwxyz\n")
    probe = heads.probe_set(tokenizer, block_size)
    period = probe.size(1) // 2
    assert probe.shape == (heads.PROBES, 2 * min(heads.PERIOD, block_size // 2))
    assert (probe[:, :period] == probe[:, period:]).all()
    assert torch.equal(probe, heads.probe_set(tokenizer, block_size))


def test_without_letters_the_probe_set_is_validation_text():
    tokenizer = CharTokenizer.from_text("0123456789+=")
    assert heads.probe_kind(tokenizer) == "validation text"
    text = "12+34=46" * 40
    probe = heads.probe_set(tokenizer, 32, text)
    assert probe.shape[1] == 32
    assert all(tokenizer.decode(row.tolist()) in text for row in probe)
    assert heads.probe_set(tokenizer, 32, "1+2=3").shape == (1, 5)
    with pytest.raises(ValueError, match="probe"):
        heads.probe_set(tokenizer, 32, "")


def test_a_vocabulary_of_few_words_is_probed_with_letters():
    tokenizer = BPETokenizer.train("abcdefghijklmnopqrstuvwxyz the quick brown fox " * 10, 300)
    assert heads.probe_kind(tokenizer) == "letters"
    assert heads.probe_set(tokenizer, 64).size(1) >= heads.PERIOD


WORDS = [f" {first}{second}{second}" for first in "bcdfghklmn" for second in "aeiou"]


@pytest.mark.parametrize("block_size", [2, 7, 64])
def test_a_vocabulary_of_words_is_probed_with_words_of_one_token(block_size):
    tokenizer = BPETokenizer.train("".join(50 * WORDS) + " 12 !? é" * 50, 420)
    probe = heads.probe_set(tokenizer, block_size)
    period = min(heads.PERIOD, block_size // 2)
    assert heads.probe_kind(tokenizer) == "words" and probe.shape == (heads.PROBES, 2 * period)
    assert torch.equal(probe[:, :period], probe[:, period:])
    assert torch.equal(probe, heads.probe_set(tokenizer, block_size))
    for row in probe:
        assert len(set(row.tolist())) == period  # no word comes twice in a copy
        assert all(word[0] == " " and word[1:].isalpha() and word.isascii() for word in tokenizer.tokens(row.tolist()))


def test_heads_are_as_far_apart_as_the_attention_that_would_have_to_move():
    first, last, even = torch.zeros(3, 2, 4).unbind()
    first[:, 0], last[:, 3], even[:] = 1, 1, 0.25
    distances = heads.pattern_distances(torch.stack([first, last, even]))
    torch.testing.assert_close(distances, torch.tensor([[0, 1, 0.75], [1, 0, 0.75], [0.75, 0.75, 0]]))
