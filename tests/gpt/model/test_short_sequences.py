"""Short sequences of a batch share a row of the fused kernel: the same numbers as without that."""

import pytest
import torch

from gpt import GPT, GPTConfig, loss_of
from gpt.model import attention


def trained_on(model: GPT, idx: torch.Tensor) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Return the logits and all gradients of a loss."""
    model.zero_grad()
    logits = model(idx[:, :-1])
    loss_of(logits, idx[:, 1:]).backward()
    return logits.detach(), {name: parameter.grad.clone() for name, parameter in model.named_parameters()}


@pytest.mark.parametrize("T", [1, 3, 5, 8, 9])
@pytest.mark.parametrize("B", [1, 6, 16])
@pytest.mark.parametrize("changes", [{}, {"n_kv_head": 1}, {"norm": "none", "residual": False}, {"causal": False}])
def test_a_row_of_sequences_gives_the_numbers_of_each_by_itself(monkeypatch, T, B, changes):
    torch.manual_seed(0)
    model = GPT(GPTConfig(vocab_size=11, block_size=9, n_layer=2, n_head=2, n_embd=16, **changes))
    idx = torch.randint(11, (B, T + 1))
    logits, gradients = trained_on(model, idx)
    monkeypatch.setattr(attention, "LANES", 0)
    plain, plain_gradients = trained_on(model, idx)
    torch.testing.assert_close(logits, plain, atol=1e-5, rtol=1e-4)
    for name, gradient in gradients.items():
        torch.testing.assert_close(gradient, plain_gradients[name], atol=1e-5, rtol=1e-4, msg=name)


def test_no_token_reads_another_sequence():
    torch.manual_seed(0)
    model = GPT(GPTConfig(vocab_size=11, block_size=8, n_layer=2, n_head=2, n_embd=16))
    idx = torch.randint(11, (4, 8))
    changed = idx.clone()
    changed[1] = (idx[1] + 1) % 11
    with torch.inference_mode():
        before, after = model(idx), model(changed)
    others = [0, 2, 3]
    torch.testing.assert_close(after[others], before[others], atol=0, rtol=0)
    assert not torch.allclose(after[1], before[1])


def test_a_hook_sees_each_sequence(monkeypatch):
    torch.manual_seed(0)
    model = GPT(GPTConfig(vocab_size=11, block_size=8, n_layer=1, n_head=2, n_embd=16))
    shapes = {}
    model.run_with_hooks(torch.randint(11, (4, 8)), {"*hook_q": lambda value, name: shapes.update({name: value.shape})})
    assert shapes == {"blocks.0.attn.hook_q": (4, 8, 2, 8)}
