"""BatchNorm: torch's own numbers, in training and in use, and models that have it."""

import pytest
import torch

from gpt import GPT, generate
from gpt.lecture import with_mask
from gpt.model.norms import BatchNorm

B, T, C = 3, 5, 8


@pytest.fixture
def twins():
    """Ours and torch's, of the same γ and β."""
    ours, theirs = BatchNorm(C, bias=True), torch.nn.BatchNorm1d(C)
    for parameter, other in zip((ours.weight, ours.bias), (theirs.weight, theirs.bias), strict=True):
        torch.nn.init.normal_(parameter)
        other.data.copy_(parameter)
    return ours, theirs


def batches(count: int) -> list[torch.Tensor]:
    return [3 * torch.randn(B, T, C) + 2 for _ in range(count)]


def test_it_is_torchs_in_training_and_in_use(twins):
    ours, theirs = twins
    for x in batches(4):
        torch.testing.assert_close(ours(x), theirs(x.flatten(0, 1)).view(B, T, C))
    torch.testing.assert_close(ours.running_mean, theirs.running_mean)
    torch.testing.assert_close(ours.running_var, theirs.running_var)
    (x,) = batches(1)
    torch.testing.assert_close(ours.eval()(x), theirs.eval()(x.flatten(0, 1)).view(B, T, C))
    torch.testing.assert_close(ours.running_mean, theirs.running_mean)
    torch.testing.assert_close(ours(x[0]), ours(x)[0])  # one row, as the logit lens reads it


def test_gradients_go_through_the_batchs_statistics(twins):
    ours, theirs = twins
    x, weights = batches(1)[0], torch.randn(B, T, C)
    mine, other = x.clone().requires_grad_(), x.clone().requires_grad_()
    (ours(mine) * weights).sum().backward()
    (theirs(other.flatten(0, 1)).view(B, T, C) * weights).sum().backward()
    torch.testing.assert_close(mine.grad, other.grad, atol=1e-5, rtol=1e-4)


def test_its_statistics_are_one_a_feature_whatever_the_tokens(make_model, ids):
    _, cache = make_model(norm="batch").run_with_cache(ids(B, T), "ln_final.*")
    assert cache.shapes == {
        "ln_final.hook_mean": (1, 1, C),
        "ln_final.hook_scale": (1, 1, C),
        "ln_final.hook_normalized": (B, T, C),
    }


def test_tokens_meet_in_training_and_are_their_own_affair_in_use(small_config, ids):
    model = GPT(small_config(norm="batch"))
    torch.nn.init.normal_(model.unembed.weight)
    idx, changed = ids(B, T), ids(B, T)
    changed[2] = (changed[2] + 1) % 11
    assert (model(idx)[0] - model(changed)[0]).abs().max() > 1e-3
    model.eval()
    assert torch.equal(model(idx)[0], model(changed)[0])


def test_it_generates_with_a_cache_as_without_and_shares_its_statistics(make_model, ids):
    model = make_model(norm="batch").train()
    model(ids(4, 12))
    model.eval()
    prompt = torch.tensor([1, 2, 3])
    for viewed in (model, with_mask(model, causal=True)):
        assert torch.equal(viewed(prompt[None]), model(prompt[None]))
        cached, plain = (list(generate(viewed, prompt, 9, use_cache=use)) for use in (True, False))
        assert [step.token for step in cached] == [step.token for step in plain]
