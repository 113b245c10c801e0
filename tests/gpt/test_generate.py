import math
from collections import Counter
from itertools import islice, pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gpt import Bigram, GPTConfig, Step, distribution, generate
from tests.gpt.configs import build, configs

logits_of = st.lists(st.floats(-30, 30), min_size=1, max_size=20).map(torch.tensor)
temperatures = st.one_of(st.just(0.0), st.floats(5e-324, 1e300), st.floats(0.1, 3))
top_ks = st.none() | st.integers(1, 25)
top_ps = st.none() | st.floats(1e-6, 1)
many = settings(max_examples=100, deadline=None, derandomize=True)


def table(rows: list[list[float]]) -> Bigram:
    """A bigram whose next-token shares are `rows`."""
    model = Bigram(GPTConfig(vocab_size=len(rows), n_layer=0)).eval().requires_grad_(False)
    model.table.weight.copy_(torch.tensor(rows).log())
    return model


@pytest.mark.parametrize("n_prompt", [1, 5, 12, 20])  # block_size is 12
@pytest.mark.parametrize("positions", ["learned", "sinusoidal", "none"])
def test_the_cache_changes_nothing(make_model, ids, n_prompt, positions):
    model, prompt = make_model(positions=positions), ids(1, n_prompt)
    cached, plain = (list(generate(model, prompt, 25, use_cache=use_cache)) for use_cache in (True, False))
    assert [step.token for step in cached] == [step.token for step in plain]
    for one, other in zip(cached, plain, strict=True):
        assert one.probability == pytest.approx(other.probability, abs=1e-6)
        assert one.entropy == pytest.approx(other.entropy, abs=1e-5)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(configs(), st.integers(1, 20))
def test_the_cache_changes_nothing_whatever_the_switches(config, n_prompt):
    model = build(config)
    prompt = torch.randint(config.vocab_size, (1, n_prompt), generator=torch.Generator().manual_seed(n_prompt))
    cached, plain = (list(generate(model, prompt, 12, use_cache=use_cache)) for use_cache in (True, False))
    assert [step.token for step in cached] == [step.token for step in plain]
    for one, other in zip(cached, plain, strict=True):
        assert one.probability == pytest.approx(other.probability, abs=1e-5)


def test_the_cache_is_used_and_only_where_it_is_right(make_model, ids):
    def lengths_read(model, **settings):
        read = []
        listener = model.register_forward_pre_hook(lambda module, arguments: read.append(arguments[0].size(1)))
        list(generate(model, ids(1, 10), 5, **settings))
        listener.remove()
        return read

    assert lengths_read(make_model()) == [10, 12, 12]  # a Decoder reads the two tokens between, one by one
    model = make_model()
    with model.hooks({"hook_embed": lambda value, name: None}):
        assert lengths_read(model, cache_under_hooks=True) == [10, 1, 1, 12, 12]
        assert lengths_read(model) == [10, 11, 12, 12, 12]
    assert lengths_read(make_model(), use_cache=False) == [10, 11, 12, 12, 12]
    assert lengths_read(make_model(causal=False)) == [10, 11, 12, 12, 12]


def _write_first(value, name):
    value[:, 0] = 3.0


def _write_from_a_length_on(value, name):
    if value.size(1) > 7:
        value[:, 7] += 3.0


@pytest.mark.parametrize("point", ["hook_embed", "blocks.0.attn.hook_z", "blocks.1.hook_resid_post"])
@pytest.mark.parametrize(
    "hook", [_write_first, _write_from_a_length_on, lambda value, name: value.flip(1), lambda value, name: None]
)
def test_the_cache_changes_nothing_under_any_hook(make_model, ids, point, hook):
    model, prompt = make_model(), ids(1, 5)
    with model.hooks({point: hook}):
        cached, plain = (list(generate(model, prompt, 12, use_cache=use)) for use in (True, False))
    assert cached == plain
    assert not model.is_hooked


def test_the_cache_changes_nothing_where_hooks_come_and_go(make_model, ids):
    def steps(model, use_cache):
        drawing = generate(model, ids(1, 5), 9, use_cache=use_cache)
        found = [next(drawing) for _ in range(3)]
        with model.hooks({"blocks.*.attn.hook_z": _write_first}):
            found += [next(drawing) for _ in range(3)]
        return [*found, *drawing]

    model = make_model()
    for cached, plain in zip(steps(model, True), steps(model, False), strict=True):
        assert cached.token == plain.token and cached.probability == pytest.approx(plain.probability, abs=1e-5)


def test_a_step_tells_the_distribution_that_it_was_drawn_from(make_model, ids):
    model, context = make_model(), ids(1, 4)
    for step in generate(model, context, 8, temperature=0.7, top_k=5, n_top=3):
        expected = (model(context[:, -12:])[0, -1].double() / 0.7).softmax(-1)
        kept = expected.topk(5)
        expected = kept.values / kept.values.sum()
        assert step.token in kept.indices
        assert step.probability == pytest.approx(expected[kept.indices == step.token].item(), abs=1e-6)
        assert step.entropy == pytest.approx(-(expected * expected.log()).sum().item(), abs=1e-6)
        assert [token for token, _ in step.top] == kept.indices[:3].tolist()
        assert [p for _, p in step.top] == pytest.approx(expected[:3].tolist(), abs=1e-6)
        context = torch.cat((context, torch.tensor([[step.token]])), dim=1)


@many
@given(logits_of, temperatures, top_ks, top_ps)
def test_every_setting_gives_a_distribution(logits, temperature, top_k, top_p):
    shares = distribution(logits, temperature, top_k, top_p)
    V = logits.numel()
    assert shares.dtype == torch.float64 and shares.shape == (V,)
    assert (shares >= 0).all() and shares.sum().item() == pytest.approx(1)
    assert logits.max().item() - logits[shares.argmax()].item() <= 1e-6 * max(1, temperature)
    if top_k is not None:
        assert (shares > 0).sum() <= top_k
    entropy = torch.special.entr(shares).sum().item()
    assert -1e-9 <= entropy <= math.log(V) + 1e-9


@many
@given(logits_of, st.floats(0.1, 3), st.floats(1e-6, 1))
def test_top_p_keeps_the_smallest_set_that_reaches_p(logits, temperature, p):
    full = (logits.double() / temperature).softmax(-1)
    kept = distribution(logits, temperature, top_p=p) > 0
    assert full[kept].sum() >= p - 1e-9
    assert full[kept].min() >= full[~kept].max() if (~kept).any() else True
    assert full[kept].sum() - full[kept].min() < p + 1e-9  # without its least likely member it falls short


@many
@given(logits_of, st.floats(0.1, 3), st.integers(1, 25))
def test_top_k_keeps_the_k_likeliest_in_proportion(logits, temperature, k):
    full = (logits.double() / temperature).softmax(-1)
    shares = distribution(logits, temperature, top_k=k)
    kept = shares > 0
    assert kept.sum() == min(k, logits.numel())
    torch.testing.assert_close(shares[kept], full[kept] / full[kept].sum())


@many
@given(logits_of)
def test_one_candidate_is_the_likeliest(logits):
    for shares in (distribution(logits, 0), distribution(logits, top_k=1), distribution(logits, top_p=1e-9)):
        assert shares.max() == 1
        assert logits[shares.argmax()] == pytest.approx(logits.max().item(), abs=1e-6)


@pytest.mark.parametrize("temperature", [5e-324, 1e-300, 1e-8])
def test_a_tiny_temperature_is_greedy_and_no_nan(make_model, ids, temperature):
    model = make_model()
    greedy = list(generate(model, ids(1, 3), 6, temperature=0))
    cold = list(generate(model, ids(1, 3), 6, temperature=temperature))
    assert cold == greedy
    assert all(step.probability == 1 and step.entropy == 0 for step in cold)


def test_masked_logits_are_never_drawn():
    logits = torch.tensor([-math.inf, 0.0, -math.inf, 0.0])
    torch.testing.assert_close(distribution(logits, 0.5), torch.tensor([0, 0.5, 0, 0.5], dtype=torch.float64))


def test_the_seed_decides(make_model, ids):
    def sample(seed):
        return [step.token for step in generate(make_model(), ids(1, 3), 30, seed=seed)]

    assert sample(1) == sample(1) != sample(2)


def test_sampling_leaves_the_global_generator_alone(make_model, ids):
    torch.manual_seed(0)
    before = torch.get_rng_state()
    list(generate(make_model(), ids(1, 3), 5))
    torch.manual_seed(0)
    assert torch.equal(torch.get_rng_state(), before)


def test_frequencies_are_the_shares():
    rows = [[0.1, 0.6, 0.3], [0.5, 0.0, 0.5], [0.25, 0.25, 0.5]]
    tokens = [0] + [step.token for step in generate(table(rows), torch.tensor([0]), 4000)]
    pairs, firsts = Counter(pairwise(tokens)), Counter(tokens[:-1])
    assert (1, 1) not in pairs
    for (first, second), count in pairs.items():
        n, p = firsts[first], rows[first][second]
        assert abs(count - n * p) < 4 * math.sqrt(n * p * (1 - p))


def test_a_certain_next_token_is_certain():
    cycle = table([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
    assert list(generate(cycle, torch.tensor([0]), 2)) == [Step(1, 1.0, [(1, 1.0)], 0.0), Step(2, 1.0, [(2, 1.0)], 0.0)]


def test_a_prompt_may_be_flat_or_a_batch_of_one(make_model, ids):
    model, prompt = make_model(), ids(1, 4)
    assert list(generate(model, prompt, 3)) == list(generate(model, prompt[0], 3))


def test_steps_come_as_they_are_drawn(make_model, ids):
    assert len(list(islice(generate(make_model(), ids(1, 4), 10**9), 3))) == 3
    assert list(generate(make_model(), ids(1, 4), 0)) == []


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"temperature": -1}, "temperature=-1"),
        ({"temperature": math.nan}, "temperature=nan"),
        ({"temperature": math.inf}, "temperature=inf"),
        ({"top_k": 0}, "top_k=0"),
        ({"top_p": 0}, "top_p=0"),
        ({"top_p": 1.01}, "top_p=1.01"),
        ({"top_p": math.nan}, "top_p=nan"),
    ],
)
def test_settings_out_of_range_are_refused(make_model, ids, settings, message):
    with pytest.raises(ValueError, match=message):
        next(generate(make_model(), ids(1, 4), 1, **settings))
    with pytest.raises(ValueError, match=message):
        distribution(torch.zeros(3), **settings)


@pytest.mark.parametrize(
    ("prompt", "message"),
    [
        ([], "the prompt is empty"),
        ([[]], "the prompt is empty"),
        ([[1, 2], [3, 4]], "one prompt at a time; got a batch of 2"),
        ([1, 11], r"ids 1 to 11; this model's go from 0 to 10"),
        ([-1, 3], r"ids -1 to 3"),
    ],
)
def test_a_prompt_that_cannot_be_continued_is_refused(make_model, prompt, message):
    with pytest.raises(ValueError, match=message):
        next(generate(make_model(), torch.tensor(prompt, dtype=torch.long), 1))


def test_a_diverged_model_says_so(make_model, ids):
    model = make_model()
    model.unembed.weight[:] = math.nan
    with pytest.raises(ValueError, match="logits are no numbers"):
        next(generate(model, ids(1, 4), 1))
