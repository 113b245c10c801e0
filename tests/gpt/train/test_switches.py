"""Runs of models of any switches: training, snapshots, forks, and estimates."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gpt import GPT, GPTConfig, Recipe, create_run, load_run, loss_of
from gpt.model.config import RopeScaling
from gpt.train.estimate import floats_per_text, flops_per_text
from gpt.train.fork import fork_run
from gpt.train.loop import train
from gpt.train.optim import OPTIMIZERS
from tests.gpt.configs import MODERN, T, V, configs

some = settings(max_examples=20, deadline=None, derandomize=True)


def take_steps(model: GPT, optimizer: str, steps: int, lr: float) -> list[float]:
    """Train on one batch, and return the loss at each step."""
    optimizers = OPTIMIZERS[optimizer].make(model, Recipe(model=model.config, lr=lr))
    idx = torch.randint(V, (4, T), generator=torch.Generator().manual_seed(0))
    losses = []
    for _ in range(steps):
        loss = loss_of(model(idx[:, :-1]), idx[:, 1:])
        losses.append(loss.item())
        loss.backward()
        for each in optimizers:
            each.step()
            each.zero_grad()
    return losses


@some
@given(configs(dropout=0.0), st.sampled_from(sorted(OPTIMIZERS)))
def test_a_few_steps_leave_every_number_finite_and_change_the_weights(config, optimizer):
    torch.manual_seed(0)
    model = GPT(config)
    before = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    losses = take_steps(model, optimizer, 3, lr=1e-3)
    assert all(map(torch.isfinite, map(torch.tensor, losses)))
    for name, parameter in model.named_parameters():
        assert parameter.isfinite().all(), name
    assert not torch.equal(model.embed.weight, before["embed.weight"])


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_model_of_today_learns_a_batch_by_heart(optimizer):
    torch.manual_seed(0)
    losses = take_steps(GPT(GPTConfig(vocab_size=V, block_size=T, n_layer=2, n_embd=16, **MODERN)), optimizer, 60, 1e-2)
    assert losses[-1] < 0.5 * losses[0]


LLAMA = {**MODERN, "qk_norm": False, "parallel": False, "window": None, "softcap": None}


@pytest.mark.parametrize(
    "switches",
    [MODERN, LLAMA, MODERN | {"norm_place": "post", "rope_share": 0.7, "gated": False}, {"ngrams": 3, "ngram_rows": 9}],
)
def test_a_fork_begins_with_the_weights_that_its_parent_saved(tmp_path, corpus, short_samples, switches):
    config = GPTConfig(block_size=T, n_layer=2, n_embd=8, **switches)
    recipe = Recipe(model=config, text="own", steps=4, batch_size=2, eval_batches=1, snapshots=2, optimizer="muon")
    train(create_run(tmp_path / "run", recipe, corpus), torch.device("cpu"))
    parent = load_run(tmp_path / "run")
    assert parent.recipe.changed(vocab_size=65) == recipe
    changes = {"softcap": 5.0, "rope_scaling": {"kind": "linear", "factor": 2.0}, "steps": 6}
    train(fork_run(parent, 4, tmp_path / "fork", **changes), torch.device("cpu"))
    fork = load_run(tmp_path / "fork")
    assert fork.recipe.model.rope_scaling == RopeScaling("linear", 2.0) and fork.parent.changed == changes
    mine, theirs = fork.model(4).state_dict(), parent.model(4).state_dict()
    assert all(torch.equal(mine[name], theirs[name]) for name in theirs)
    assert not torch.equal(fork.model(6).state_dict()["embed.weight"], theirs["embed.weight"])


SIZES = {"vocab_size": 65, "block_size": 64, "n_layer": 2, "n_embd": 64}
PARTS = st.fixed_dictionaries(
    {
        "positions": st.sampled_from(["learned", "rotary", "none"]),
        "norm": st.sampled_from(["pre", "rms"]),
        "n_kv_head": st.sampled_from([1, 2, 4]),
        "d_head": st.sampled_from([8, 16, 32]),
        "mlp_width": st.sampled_from([64, 256]),
        "window": st.sampled_from([None, 16]),
        "ngrams": st.sampled_from([1, 4]),
        "experts": st.sampled_from([1, 4]),
    }
    | {name: st.booleans() for name in ("gated", "qk_norm", "parallel", "bias")}
)


@some
@given(PARTS)
def test_the_estimate_of_any_switches_is_near_what_a_step_keeps_and_computes(switches):
    from torch.utils.flop_counter import FlopCounterMode

    config = GPTConfig(n_head=4, **SIZES, **switches)
    model, idx = GPT(config), torch.randint(65, (2, 64))
    weights = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}
    kept: dict[int, torch.Tensor] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor), FlopCounterMode(display=False) as flops:
        loss_of(model(idx), idx).backward()
    floats = sum(kept[at].untyped_storage().nbytes() // 4 for at in kept.keys() - weights) / len(idx)
    assert 0.9 < floats_per_text(config) / floats < 2
    assert 0.95 < flops_per_text(config) / (flops.get_total_flops() / len(idx)) < 1.7
