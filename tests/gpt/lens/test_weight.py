"""One weight's explanation against what the model itself computed on the way."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gpt import GPT, Bigram, GPTConfig
from gpt.lens.weight import LayerVectors, Stage, explain, layer_vectors
from gpt.model.config import RopeScaling
from gpt.model.positions import Rotary
from tests.gpt.configs import MODERN, configs

T = 7
INDEX = st.integers(0, T - 1)


@settings(max_examples=100, deadline=None)
@given(configs(), INDEX, INDEX, INDEX, INDEX)
def test_every_step_is_the_models_own_and_they_add_up(config, layer, head, query, key):
    layer, head = layer % config.n_layer, head % config.n_head
    torch.manual_seed(0)
    model = GPT(config).eval()
    for parameter in model.parameters():
        parameter.data += torch.randn_like(parameter) * 0.3
    ids = torch.randint(11, (T,))
    with torch.inference_mode():
        _, cache = model.run_with_cache(ids[None], f"blocks.{layer}.attn.*")
    scores, pattern, v, z = (cache[name, layer][0].double() for name in ("attn_scores", "pattern", "v", "z"))
    found = explain(layer_vectors(model, ids, layer), head, query, key)
    shared = found.kv_head
    assert head in found.sharing and len(found.sharing) == config.n_head // config.n_kv_head

    row, there = scores[head, query], scores[head, query].isfinite()
    assert torch.equal(found.exists, there)
    torch.testing.assert_close(found.scores[there], row[there], atol=1e-4, rtol=1e-4)
    assert found.dot * found.scale == pytest.approx(float(found.scores[key]), abs=1e-9)
    torch.testing.assert_close(found.weights, pattern[head, query], atol=1e-5, rtol=1e-4)
    assert found.exps[~there].eq(0).all() and found.exps.max() == 1
    assert found.weight == pytest.approx(float(found.exps[key] / found.exps.sum()))
    torch.testing.assert_close(found.carried, found.weight * v[key, shared], atol=1e-9, rtol=0)
    torch.testing.assert_close((found.weights[:, None] * v[:, shared]).sum(0), z[query, head], atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(found.z, z[query, head], atol=1e-5, rtol=1e-4)
    assert found.gap < 1e-4
    assert float(found.shares.sum()) == pytest.approx(1)
    if config.positions == "rotary":
        rotation = found.rotation
        assert rotation.distance == query - key and rotation.angles.shape == (config.n_turned // 2,)
        pairs = found.products[: config.n_turned].view(2, -1).sum(0)
        torch.testing.assert_close(rotation.after, pairs, atol=1e-4, rtol=1e-4)
        if query >= key:
            assert float(rotation.by_distance[query - key]) == pytest.approx(float(found.scores[key]), abs=1e-3)
    else:
        assert found.rotation is None


def test_the_stages_of_a_key_are_those_of_the_model(make_model, ids):
    model, prompt = make_model(**MODERN), ids(1)[0]
    found = explain(layer_vectors(model, prompt, 1), 3, query=6, key=4)
    _, cache = model.run_with_cache(prompt[None], "blocks.1.attn.*")
    attention = model.blocks[1].attn
    k = cache["k", 1][0, 4, 1]
    assert [stage.name for stage in found.stages] == ["projected", "normalised", "turned"]
    assert found.kv_head == 1 and found.sharing == (2, 3)
    expected = [k, attention.k_norm(k), attention.rotary(attention.k_norm(k)[None, None, None], start=4)[0, 0, 0]]
    for stage, vector in zip(found.stages, expected, strict=True):
        torch.testing.assert_close(stage.k.float(), vector)
    assert found.exists.tolist() == [False, False, True, True, True, True, True]  # a window of 5


@pytest.mark.parametrize("scaling", [None, RopeScaling("llama3", 8.0, original=4)])
def test_the_score_by_distance_is_that_of_the_turned_vectors(scaling):
    config = GPTConfig(n_head=1, n_embd=8, positions="rotary", rope_share=0.75, rope_scaling=scaling)
    turn, (q, k) = Rotary(config), torch.randn(2, 1, T, 1, 8, generator=torch.Generator().manual_seed(0)).double()
    stages = (Stage("projected", q[0], k[0]), Stage("turned", turn(q)[0], turn(k)[0]))
    layer = LayerVectors(stages, k[0], q[0], 0.5, True, None, turn.angles(T, 0, q))
    rotation = explain(layer, 0, query=5, key=2).rotation
    for distance in range(T):
        turned_q = turn(q[:, 5:6], start=distance)[0, 0, 0]
        score = turned_q @ turn(k[:, 2:3])[0, 0, 0] * 0.5
        assert float(rotation.by_distance[distance]) == pytest.approx(float(score))
    assert float(rotation.before.sum()) == pytest.approx(float(q[0, 5, 0, :6] @ k[0, 2, 0, :6]))
    assert explain(layer, 0, 2, 5).rotation.angles.tolist() == (-rotation.angles).tolist()


def by_hand(**changes) -> LayerVectors:
    """Two tokens, one head of two features.

    The value of the second token is worth three times that of the first, turned back.
    """
    rows = {"q": [[1, 0], [1, 2]], "k": [[1, 1], [3, -1]], "v": [[1, 0], [-3, 0]], "z": [[1, 0], [-1, 0]]}
    vectors = {name: torch.tensor(values, dtype=torch.float32)[:, None] for name, values in rows.items()}
    stage = Stage("projected", vectors.pop("q"), vectors.pop("k"))
    others = {"scale": 0.5, "causal": True, "window": None, "angles": None}
    return LayerVectors((stage,), **{**vectors, **others} | changes)


def test_a_weight_worked_out_on_paper():
    """q = (1, 2) and k = (1, 1), (3, −1) have the dot products 3 and 1; halved, e⁰ and e⁻¹."""
    found = explain(by_hand(), 0, query=1, key=1)
    assert found.products.tolist() == [3, -2] and found.dot == 1
    assert found.scores.tolist() == [1.5, 0.5]
    weight = torch.tensor(-1.0, dtype=torch.float64).exp() / (1 + torch.tensor(-1.0, dtype=torch.float64).exp())
    assert found.weight == pytest.approx(float(weight))
    first, second = 1 - found.weight, -3 * found.weight
    assert found.shares.tolist() == pytest.approx([first / (first + second), second / (first + second)])
    assert found.gap == pytest.approx(abs(first + second + 1))


def test_a_masked_key_has_a_score_but_no_weight():
    found = explain(by_hand(), 0, query=0, key=1)
    assert found.exists.tolist() == [True, False] and found.scores.tolist() == [0.5, 1.5]
    assert found.weights.tolist() == [1, 0] and found.weight == 0 and found.shares.tolist() == [1, 0]
    assert explain(by_hand(causal=False), 0, query=0, key=1).weight > 0.7


def test_a_key_before_the_window_has_no_weight():
    found = explain(by_hand(window=1), 0, query=1, key=0)
    assert found.exists.tolist() == [False, True] and found.weights.tolist() == [0, 1] and found.scores[0] == 1.5


def test_nothing_has_a_share_of_nothing():
    zeros = torch.zeros(2, 1, 2)
    assert explain(by_hand(v=zeros, z=zeros), 0, 1, 0).shares.isnan().all()


def test_large_scores_do_not_overflow():
    weights = explain(by_hand(scale=1e4), 0, 1, 0).weights
    assert weights.tolist() == [1, 0]


def test_what_is_not_there_is_named(make_model, ids):
    model, prompt = make_model(), ids(1)[0]
    vectors = layer_vectors(model, prompt, 1)
    for index, message in (((2, 0, 0), "no head 2"), ((0, 7, 0), "no query 7"), ((0, 0, -1), "no key -1")):
        with pytest.raises(ValueError, match=message):
            explain(vectors, *index)
    with pytest.raises(ValueError, match="no layer 2"):
        layer_vectors(model, prompt, 2)
    with pytest.raises(ValueError, match="no attention"):
        layer_vectors(Bigram(GPTConfig(vocab_size=11, n_layer=0)), prompt, 0)
    with pytest.raises(ValueError, match="at least one token"):
        layer_vectors(model, torch.tensor([], dtype=torch.long), 0)
