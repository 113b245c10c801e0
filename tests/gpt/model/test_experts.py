"""A mixture of experts: by hand, by what it leaves unchanged, and with everything that a model does."""

from dataclasses import replace
from math import log

import pytest
import torch

from gpt import GPT, GPTConfig, export_pretrained, generate, loss_of
from gpt.model.experts import BALANCE_STEP, Experts
from gpt.model.mlp import MLP
from gpt.train.estimate import count_active, count_parameters
from gpt.train.optim import OPTIMIZERS
from gpt.train.presets import PRESETS

SWITCHES = {"experts": 3, "experts_per_token": 2}


@pytest.fixture
def layer(small_config):
    torch.manual_seed(0)
    experts = Experts(small_config(**SWITCHES, gated=True)).eval()
    for parameter in experts.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return experts


@pytest.fixture
def x():
    return torch.randn(2, 7, 8, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("switches", [{}, {"gated": True, "bias": False}, {"activation": "relu2"}])
def test_one_expert_is_the_plain_mlp_bit_for_bit(small_config, x, switches):
    config = small_config(**switches)
    experts, plain = Experts(config), MLP(config)
    plain.load_state_dict(experts.experts[0].state_dict())
    assert torch.equal(experts(x), plain(x))


def test_a_token_gets_what_a_loop_over_its_experts_adds(layer, x):
    out = layer(x)
    for row in range(2):
        for t in range(7):
            token = x[row, t]
            weights = layer.router(token).softmax(-1)
            chosen = sorted(range(3), key=lambda i: -weights[i])[:2]
            by_hand = sum(weights[i] * layer.experts[i](token) for i in chosen)
            torch.testing.assert_close(out[row, t], by_hand, atol=1e-6, rtol=1e-5)


def test_weights_of_all_experts_sum_to_1_and_the_balance_moves_the_choice_only(make_model, ids):
    model = make_model(**SWITCHES)
    _, before = model.run_with_cache(ids(), "*expert_*")
    weights, chosen = before["expert_weights", 0], before["expert_indices", 0]
    assert weights.shape == (2, 7, 3) and chosen.shape == (2, 7, 2)
    torch.testing.assert_close(weights.sum(-1), torch.ones(2, 7))
    torch.testing.assert_close(weights.gather(-1, chosen), weights.topk(2).values)
    model.blocks[0].mlp.balance += torch.tensor([0.0, 0.0, 2.0])
    _, after = model.run_with_cache(ids(), "*expert_*")
    assert torch.equal(after["expert_weights", 0], weights) and (after["expert_indices", 0][..., 0] == 2).all()


@pytest.mark.parametrize("per_token", [1, 2])
def test_the_gradient_reaches_the_router_and_every_chosen_expert(small_config, ids, per_token):
    model = GPT(small_config(experts=3, experts_per_token=per_token))
    loss_of(model(ids()), ids()).backward()
    mlp = model.blocks[0].mlp
    assert mlp.router.weight.grad.abs().max() > 0
    _, cache = model.run_with_cache(ids(), "blocks.0.mlp.hook_expert_indices")
    used = set(cache["expert_indices", 0].flatten().tolist())
    assert [bool(expert.up.weight.grad.any()) for expert in mlp.experts] == [i in used for i in range(3)]


def test_training_raises_the_balance_of_experts_with_few_tokens(layer, x):
    _ = layer(x)
    assert not layer.balance.any()  # evaluation changes nothing
    chosen = (layer.router(x).softmax(-1)).topk(2).indices
    counts = chosen.flatten().bincount(minlength=3).float()
    layer.train()(x)
    torch.testing.assert_close(layer.balance, BALANCE_STEP * (counts.mean() - counts).sign())


def test_a_lopsided_router_is_balanced_within_its_training(layer, x):
    layer.router.weight.data.mul_(0.1)
    layer.train()
    for _ in range(400):
        layer(x)
    counts = (layer.router(x).softmax(-1) + layer.balance).topk(2).indices.flatten().bincount(minlength=3)
    assert counts.max() - counts.min() <= 3 and counts.sum() == 28


@pytest.mark.parametrize("changes", [SWITCHES, {"experts": 4, "positions": "rotary", "gated": True, "norm": "rms"}])
def test_cached_generation_is_that_without_a_cache(make_model, ids, changes):
    model, prompt = make_model(**changes), ids(1, 4)
    past = model.new_cache()
    pieces = torch.cat([model(prompt[:, :3], past), model(prompt[:, 3:], past)], dim=1)
    torch.testing.assert_close(pieces, model(prompt))
    fast = [step.token for step in generate(model, prompt[0], 6, temperature=0)]
    tokens = prompt
    for _ in range(6):
        tokens = torch.cat((tokens, model(tokens)[:, -1:].argmax(-1)), dim=1)
    assert fast == tokens[0, 4:].tolist()


def test_hooks_force_an_expert_and_switch_the_weights_off(make_model, ids):
    model = make_model(experts=3)
    mlp = model.blocks[1].mlp
    forced, cache = {}, {}
    for i in range(3):
        hook = {"blocks.1.mlp.hook_expert_indices": lambda value, name, i=i: torch.full_like(value, i)}
        with model.hooks(hook):
            _, cache = model.run_with_cache(ids())
        expected = mlp.experts[i](cache["blocks.1.ln2.hook_normalized"]) * cache["expert_weights", 1][..., i : i + 1]
        torch.testing.assert_close(cache["mlp_out", 1], expected, atol=1e-6, rtol=1e-5)
        forced[i] = cache["mlp_out", 1]
    assert not torch.allclose(forced[0], forced[1])
    off = {"blocks.1.mlp.hook_expert_weights": lambda value, name: torch.zeros_like(value)}
    with model.hooks(off):
        _, cache = model.run_with_cache(ids(), "blocks.1.hook_mlp_out")
    assert not cache["mlp_out", 1].any()


def test_muon_steps_on_every_matrix_of_the_experts(small_config):
    model = GPT(small_config(**SWITCHES))
    muon = OPTIMIZERS["muon"].make(model, PRESETS["rung-15"])[-1]
    shapes = [tuple(parameter.shape) for parameter in muon.param_groups[0]["params"]]
    assert shapes.count((32, 8)) == shapes.count((8, 32)) == 6 and shapes.count((3, 8)) == 2


def test_a_mixture_of_experts_is_not_exported_and_the_message_names_it(make_model, tmp_path):
    model = make_model(**SWITCHES)
    with pytest.raises(ValueError, match=r"GPT-2 has experts=1, this model experts=3"):
        export_pretrained(model, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_more_experts_for_a_token_than_there_are_is_refused():
    with pytest.raises(ValueError, match=r"experts_per_token=2 does not work: the model has experts=1; give at most"):
        GPTConfig(experts_per_token=2)
    assert GPTConfig.from_dict(GPTConfig(**SWITCHES).to_dict()) == GPTConfig(**SWITCHES)
    old = {name: value for name, value in GPTConfig().to_dict().items() if not name.startswith("experts")}
    assert GPTConfig.from_dict(old).experts == 1


def test_active_parameters_are_those_of_the_model_with_fewer_experts(small_config):
    config = small_config(**SWITCHES)
    fewer = replace(config, experts=2)
    assert count_active(config) == count_parameters(fewer) + 2 * 8  # the router's row of the third expert, two layers
    assert count_active(small_config()) == count_parameters(small_config())


def test_a_new_router_is_undecided(small_config, ids):
    _, cache = GPT(small_config(experts=4)).eval().run_with_cache(ids(4, 12), "*expert_weights")
    weights = cache["expert_weights", 0]
    entropy = -(weights * weights.log()).sum(-1)
    assert entropy.min() > 0.99 * log(4)
