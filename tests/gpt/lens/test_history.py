import itertools
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gpt import Bigram, load_run
from gpt.lens import heads, history

MODELS = Path(__file__).resolve().parents[3] / "assets" / "models"


def test_a_frame_is_what_the_model_computes(make_model, ids):
    model, prompt = make_model(), ids(1, 7)[0]
    seen = history.frame(model, prompt)
    logits, cache = model.run_with_cache(prompt[None], "blocks.*.attn.hook_pattern")
    assert torch.equal(seen.patterns, torch.stack([cache["pattern", layer][0] for layer in range(2)]))
    assert torch.allclose(seen.probabilities, logits[0, -1].softmax(-1))
    assert seen.patterns.shape == (2, 2, 7, 7) and torch.allclose(seen.patterns.sum(-1), torch.ones(2, 2, 7))


def test_a_bigram_has_no_patterns_but_an_answer(small_config, ids):
    seen = history.frame(Bigram(small_config(n_layer=0)), ids(1, 5)[0])
    assert seen.patterns.shape == (0, 0, 5, 5) and seen.probabilities.sum().item() == pytest.approx(1)


def one_head(*values: float) -> torch.Tensor:
    return torch.tensor(values)[:, None, None]


@pytest.mark.parametrize(
    ("curve", "start", "end"),
    [
        ([0.0, 0.0, 1.0, 1.0], 20, 30),
        ([0.0, 0.25, 0.5, 1.0], 10, 40),
        ([0.9, 0.1, 0.15, 0.8, 0.3], 30, 40),  # the fall before the rise is no part of it
        ([0.2, 0.1, 0.95, 0.5, 1.0, 0.0], 20, 30),
        ([-0.01, 0.0, 0.0, 0.3], 30, 40),
    ],
)
def test_a_rise_lies_where_its_middle_part_lies(curve, start, end):
    rise = history.largest_rise([10 * (i + 1) for i in range(len(curve))], one_head(*curve))
    assert (rise.start, rise.end) == (start, end)
    assert (rise.low, rise.high) == pytest.approx((curve[start // 10 - 1], curve[end // 10 - 1]))


def test_the_head_that_rises_most_is_named_and_one_with_a_gap_is_passed_over():
    scores = torch.zeros(3, 2, 2)
    scores[2, 0, 1], scores[1:, 1, 0] = 0.4, 0.7
    assert history.largest_rise([0, 5, 9], scores)[:4] == (1, 0, 0, 5)
    scores[0, 1, 0] = torch.nan
    assert history.largest_rise([0, 5, 9], scores)[:4] == (0, 1, 5, 9)


def test_without_a_rise_there_is_none():
    assert history.largest_rise([1, 2, 3], one_head(0.9, 0.5, 0.55)) is None
    assert history.largest_rise([1], one_head(0.9)) is None
    assert history.largest_rise([1, 2], torch.full((2, 1, 1), torch.nan)) is None
    assert history.largest_rise([], torch.zeros(0, 2, 2)) is None
    with pytest.raises(ValueError, match="n_layer"):
        history.largest_rise([1, 2], torch.zeros(3, 1, 1))


@given(st.lists(st.lists(st.floats(-1, 1, width=32), min_size=2, max_size=2), min_size=2, max_size=8))
def test_no_pair_of_snapshots_rises_more(rows):
    scores = torch.tensor(rows)[:, None, :]
    most = max(b - a for head in zip(*rows, strict=True) for a, b in itertools.combinations(head, 2))
    rise = history.largest_rise(list(range(len(rows))), scores)
    if rise is None:
        assert most < history.SMALLEST_RISE + 1e-6
    else:
        assert rise.start < rise.end and 0.8 * most - 1e-5 <= rise.high - rise.low <= most + 1e-5
        assert rise.low == scores[rise.start, 0, rise.head] and rise.high == scores[rise.end, 0, rise.head]


def test_the_shipped_run_shows_its_phase_change():
    run = load_run(MODELS / "induction")
    steps = [step for step in run.steps if step >= 281][::2]
    probe = heads.probe_set(run.tokenizer, run.recipe.model.block_size)
    scores = torch.stack([heads.head_scores(run.model(step), probe)["induction"] for step in steps])
    rise = history.largest_rise(steps, scores)
    assert rise.layer == 1 and rise.start >= 281 and rise.end < 1500 and rise.high - rise.low > 0.7
