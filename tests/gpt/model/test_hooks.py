from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatchcase
from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from gpt import GPT, Bigram, GPTConfig, Seq2Seq, build_model
from gpt.model.reward import RewardModel

B, T, C, H, D, V = 2, 7, 8, 2, 4, 11


@pytest.fixture(scope="module")
def model(make_model):
    return make_model()


@pytest.fixture(scope="module")
def cache(model, ids):
    return model.run_with_cache(ids(B, T))[1]


def expected_shapes(n_layer: int) -> dict[str, tuple[int, ...]]:
    norm = {"hook_mean": (B, T, 1), "hook_scale": (B, T, 1), "hook_normalized": (B, T, C)}
    block = {f"hook_{name}": (B, T, C) for name in ("resid_pre", "resid_mid", "resid_post", "attn_out", "mlp_out")}
    block |= {f"{ln}.{name}": shape for ln in ("ln1", "ln2") for name, shape in norm.items()}
    block |= {f"attn.hook_{name}": (B, T, H, D) for name in "qkvz"}
    block |= {"attn.hook_attn_scores": (B, H, T, T), "attn.hook_pattern": (B, H, T, T)}
    block |= {"mlp.hook_pre": (B, T, 4 * C), "mlp.hook_post": (B, T, 4 * C)}
    shapes = {"hook_embed": (B, T, C), "hook_pos_embed": (B, T, C)}
    shapes |= {f"blocks.{layer}.{name}": shape for layer in range(n_layer) for name, shape in block.items()}
    return shapes | {f"ln_final.{name}": shape for name, shape in norm.items()}


def test_names_and_layouts(model, cache):
    assert cache.shapes == expected_shapes(n_layer=2)
    assert set(model.hook_points) == set(cache)


@pytest.mark.parametrize(
    ("changes", "gone"),
    [
        ({"mlp": False}, ("mlp.hook", "ln2", "hook_mlp_out")),
        ({"norm": "none"}, ("ln1", "ln2", "ln_final")),
        ({"norm": "post"}, ("ln_final",)),
        ({"positions": "none"}, ("hook_pos_embed",)),
    ],
)
def test_parts_that_a_model_lacks_have_no_hooks(make_model, ids, changes, gone):
    _, cache = make_model(**changes).run_with_cache(ids(B, T))
    wanted = {name: shape for name, shape in expected_shapes(2).items() if not any(part in name for part in gone)}
    assert cache.shapes == wanted


@given(
    st.lists(
        st.text("*?[]!blocks.01atnhk_q", max_size=12) | st.sampled_from(["*", "blocks.1.*", "*hook_q", "hook_embed"]),
        max_size=3,
    )
)
def test_names_match_as_shell_patterns_do(model, wanted):
    known = list(model.hook_points)
    expected = [[name for name in known if fnmatchcase(name, each)] for each in wanted]
    if all(expected):
        assert model.match_hook_names(wanted) == list(dict.fromkeys(name for names in expected for name in names))
    else:
        with pytest.raises(ValueError, match="no hook point is called"):
            model.match_hook_names(wanted)


@pytest.mark.parametrize("kind", [GPT, Seq2Seq, RewardModel])
@pytest.mark.parametrize("n_layer", [0, 1])
def test_ids_that_are_none_are_refused(kind, n_layer):
    if kind is not GPT and n_layer == 0:
        return
    model = build_model(GPTConfig(vocab_size=V, block_size=8, n_layer=n_layer, n_head=1, n_embd=8), kind)
    for wrong, why in (
        (torch.ones(1, 3), r"the ids have dtype torch.float32; give whole numbers of dtype torch.int64"),
        (torch.ones(1, 3, dtype=torch.bool), "dtype torch.bool"),
        (torch.tensor([[0, V]]), f"the ids go from 0 to {V}; this model's go from 0 to {V - 1}"),
        (torch.tensor([[-1, 2]]), "the ids go from -1 to 2"),
    ):
        with pytest.raises(ValueError, match=why):
            model(wrong, wrong) if isinstance(model, Seq2Seq) else model(wrong)
    whole = torch.ones(1, 3, dtype=torch.int32)
    assert (model(whole, whole) if isinstance(model, Seq2Seq) else model(whole)).isfinite().all()


@pytest.mark.parametrize("layer", [0, 1])
def test_patterns_are_masked_softmax_of_scores(cache, layer):
    pattern, scores = cache["pattern", layer], cache["attn_scores", layer]
    future = torch.ones(T, T, dtype=torch.bool).triu(1)
    assert (scores[..., future] == -torch.inf).all() and scores[..., ~future].isfinite().all()
    assert (pattern[..., future] == 0).all()
    torch.testing.assert_close(pattern.sum(-1), torch.ones(B, H, T))
    torch.testing.assert_close(pattern, scores.softmax(-1))


@pytest.mark.parametrize("layer", [0, 1])
def test_scores_are_scaled_products_and_z_gathers_values(cache, layer):
    q, k, v, z = (cache[name, layer] for name in "qkvz")
    scores = torch.einsum("bqhd,bkhd->bhqk", q, k) / D**0.5
    past = torch.ones(T, T, dtype=torch.bool).tril()
    torch.testing.assert_close(cache["attn_scores", layer][..., past], scores[..., past])
    torch.testing.assert_close(z, torch.einsum("bhqk,bkhd->bqhd", cache["pattern", layer], v))


@pytest.mark.parametrize("layer", [0, 1])
def test_the_residual_stream_adds_up(model, cache, layer):
    torch.testing.assert_close(cache["resid_mid", layer], cache["resid_pre", layer] + cache["attn_out", layer])
    torch.testing.assert_close(cache["resid_post", layer], cache["resid_mid", layer] + cache["mlp_out", layer])
    torch.testing.assert_close(cache["attn_out", layer], model.blocks[layer].attn.proj(cache["z", layer].flatten(2)))
    torch.testing.assert_close(cache[f"blocks.{layer}.mlp.hook_post"], F.gelu(cache["pre", layer], approximate="tanh"))
    before = cache["hook_embed"] + cache["hook_pos_embed"] if layer == 0 else cache["resid_post", layer - 1]
    torch.testing.assert_close(cache["resid_pre", layer], before)


@pytest.mark.parametrize("name", ["blocks.0.ln1", "blocks.1.ln2", "ln_final"])
@pytest.mark.parametrize("bias", [True, False])
def test_layernorm_by_its_definition(make_model, ids, name, bias):
    model = make_model(bias=bias)
    _, cache = model.run_with_cache(ids(B, T))
    streams = {"blocks.0.ln1": "resid_pre", "blocks.1.ln2": "resid_mid", "ln_final": "resid_post"}
    x = cache[streams[name], 0 if name == "blocks.0.ln1" else 1]
    norm = model.get_submodule(name)
    torch.testing.assert_close(cache[f"{name}.hook_mean"], x.mean(-1, keepdim=True))
    torch.testing.assert_close(cache[f"{name}.hook_scale"], (x.var(-1, keepdim=True, unbiased=False) + 1e-5).sqrt())
    torch.testing.assert_close(cache[f"{name}.hook_normalized"], F.layer_norm(x, (C,), norm.weight, norm.bias, 1e-5))


def test_looking_changes_nothing(model, ids):
    idx = ids(B, T)
    plain = model(idx)
    for name in [None, *model.hook_points]:
        torch.testing.assert_close(model.run_with_cache(idx, name)[0], plain, atol=1e-5, rtol=0)


def test_only_the_asked_for_is_kept(model, ids):
    _, cache = model.run_with_cache(ids(), ["hook_embed", "blocks.*.attn.hook_pattern"])
    assert list(cache) == ["hook_embed", "blocks.0.attn.hook_pattern", "blocks.1.attn.hook_pattern"]
    assert len(model.run_with_cache(ids(), [])[1]) == 0


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("blocks.0.attn.hook_patern", "blocks.0.attn.hook_pattern"),
        ("blocks.2.attn.hook_pattern", "blocks.1.attn.hook_pattern"),
        ("hook_embedding", "hook_embed"),
        ("blocks.*.attn.pattern", "hook_pattern"),
    ],
)
def test_an_unknown_name_raises_with_near_matches(model, ids, name, near):
    for look in (
        lambda: model.run_with_cache(ids(), name),
        lambda: model.run_with_hooks(ids(), {name: lambda value, name: None}),
    ):
        with pytest.raises(ValueError, match="no hook point is called") as caught:
            look()
        assert repr(name) in str(caught.value) and near in str(caught.value)


def test_a_bigram_says_that_it_has_no_hooks():
    bigram = Bigram(GPTConfig(vocab_size=3, n_layer=0))
    assert len(bigram.run_with_cache(torch.tensor([[0, 2]]))[1]) == 0
    with pytest.raises(ValueError, match="this model has none"):
        bigram.run_with_cache(torch.tensor([[0, 2]]), "hook_embed")


def test_a_hook_gets_its_name_and_may_leave_the_value(model, ids):
    idx, names = ids(), []
    logits = model.run_with_hooks(idx, {"blocks.*.hook_resid_mid": lambda value, name: names.append(name)})
    assert names == ["blocks.0.hook_resid_mid", "blocks.1.hook_resid_mid"]
    assert torch.equal(logits, model(idx))


def test_a_hook_may_change_what_flows(model, ids):
    idx = ids()
    zeroed = model.run_with_hooks(idx, {"blocks.*.hook_*_out": lambda value, name: torch.zeros_like(value)})
    x = model.embed(idx) + model.pos_embed[: idx.size(1)]
    torch.testing.assert_close(zeroed, model.unembed(model.ln_final(x)))
    diagonal = torch.eye(T).expand(B, H, T, T)
    with model.hooks({"blocks.0.attn.hook_pattern": lambda value, name: diagonal}):
        _, cache = model.run_with_cache(idx, ["blocks.0.attn.hook_v", "blocks.0.attn.hook_z"])
    torch.testing.assert_close(cache["z", 0], cache["v", 0])


@pytest.mark.parametrize(
    ("replacement", "message"),
    [
        (torch.zeros(1), r"\(1,\)"),
        (torch.zeros(B, T, C + 1), r"\(2, 7, 9\)"),
        (np.zeros((B, T, C)), "ndarray"),
        (0.0, "float"),
    ],
)
def test_a_replacement_of_another_shape_is_refused(model, ids, replacement, message):
    with pytest.raises(ValueError, match=rf"hook at hook_embed returned {message}; return .*\(2, 7, 8\)"):
        model.run_with_hooks(ids(B, T), {"hook_embed": lambda value, name: replacement})


def test_a_hook_that_raises_leaves_nothing_behind(model, ids):
    idx = ids()
    plain = model(idx)

    def fail(value, name):
        raise RuntimeError("on purpose")

    for _ in range(2):
        with pytest.raises(RuntimeError, match="on purpose"):
            model.run_with_hooks(idx, {"blocks.0.hook_attn_out": lambda v, n: v * 0, "blocks.1.hook_mlp_out": fail})
    assert torch.equal(model(idx), plain)
    assert not any(point.is_hooked for point in model.hook_points.values())


def test_writing_in_place_never_reaches_the_model(model, ids):
    before = {name: value.clone() for name, value in model.state_dict().items()}

    def erase(value, name):
        value.zero_()

    for shape in ((1, 5), (2, 5)):
        model.run_with_hooks(ids(*shape), dict.fromkeys(model.hook_points, erase))
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_contexts_nest_and_the_outer_one_comes_first(model, ids):
    calls = []

    def note(label):
        return lambda value, name: calls.append(label)

    with model.hooks({"hook_embed": note("outer")}):
        with model.hooks({"hook_*": note("inner")}):
            model(ids())
        assert calls == ["outer", "inner", "inner"]  # hook_embed twice, hook_pos_embed once
        model(ids())
    model(ids())
    assert calls == ["outer", "inner", "inner", "outer"]


def test_a_hook_only_gets_values_of_its_own_model(make_model, ids):
    one, other = make_model(), make_model(seed=1)
    plain = other(ids())
    with one.hooks({"*": lambda value, name: value * 2}):
        assert torch.equal(other(ids()), plain)
        assert not torch.equal(one(ids()), one.run_with_hooks(ids(), {"hook_embed": lambda value, name: value * 0}))


def test_eight_threads_share_one_model(model, ids):
    """Each thread has its own prompt and intervention; every result equals that of a single thread."""

    def scaled(factor):
        return lambda value, name: value * factor

    points = ["blocks.0.attn.hook_z", "blocks.1.attn.hook_pattern", "blocks.0.hook_resid_mid", "hook_pos_embed"]
    jobs = [(seed, point, 1 + seed / 3) for seed, point in product(range(8), points)]

    def work(job):
        seed, point, factor = job
        idx = ids(1 + seed % 3, 3 + seed, seed=seed)
        with model.hooks({point: scaled(factor)}):
            logits, cache = model.run_with_cache(idx, ["blocks.1.attn.hook_pattern", point])
        return logits, cache["pattern", 1], cache[point], model(idx)

    alone = {job: work(job) for job in jobs}
    with ThreadPoolExecutor(8) as pool:
        for job, result in zip(jobs * 10, pool.map(work, jobs * 10), strict=True):  # 320 runs
            for together, single in zip(result, alone[job], strict=True):
                torch.testing.assert_close(together, single, atol=1e-6, rtol=0)
