import pytest
import torch

from gpt import GPT, GPTConfig, loss_of
from gpt.lens.learning import attention_statistics, gradient_norms, training_mode_loss

DEEP = {"n_layer": 12, "n_embd": 16, "norm": "none"}


@pytest.fixture
def tokens(ids):
    return ids(4, 12)


def test_the_residual_path_carries_the_gradient_to_the_first_block(small_config, tokens):
    found = []
    for residual in (True, False):
        torch.manual_seed(0)
        found.append(gradient_norms(GPT(small_config(**DEEP, residual=residual)), tokens))
    with_path, without = found
    assert with_path.shape == (12,)
    assert without[0] < 1e-6 * without[-1] and with_path[0] > 0.1 * with_path[-1]


def test_gradients_leave_the_shared_model_alone(make_model, tokens):
    model = make_model(norm="batch")
    before = {name: value.clone() for name, value in model.state_dict().items()}
    gradient_norms(model, tokens)
    attention_statistics(model, tokens)
    training_mode_loss(model, tokens, rows=2)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert not model.training and not any(p.requires_grad or p.grad is not None for p in model.parameters())


@pytest.mark.parametrize("switches", [{}, {"n_kv_head": 1, "d_head": 6, "positions": "rotary"}, {"window": 3}])
def test_attention_that_cannot_tell_keys_apart_is_even(make_model, tokens, switches):
    model = make_model(bias=False, **switches)
    attention = model.blocks[0].attn
    attention.qkv.weight[: attention.sizes[0]] = 0  # no queries: every score is 0
    found = attention_statistics(model, tokens)
    assert found.variance == 0 and found.entropy == pytest.approx(1, abs=1e-6)
    assert found.k_gradient == 0 < found.q_gradient


def test_unscaled_scores_vary_more_by_the_heads_size(tokens):
    torch.manual_seed(0)
    sizes = {"vocab_size": 11, "block_size": 12, "n_layer": 1, "n_head": 1, "n_embd": 64, "norm": "none"}
    scaled = GPT(GPTConfig(**sizes)).eval()
    unscaled = GPT(GPTConfig(**sizes, scale=False)).eval()
    unscaled.load_state_dict(scaled.state_dict())
    soft, sharp = (attention_statistics(model, tokens) for model in (scaled, unscaled))
    assert sharp.variance == pytest.approx(64 * soft.variance, rel=1e-4)
    assert sharp.entropy < soft.entropy < 1


def test_in_training_mode_batchnorm_alone_depends_on_the_rows(make_model, tokens):
    losses = {
        norm: [training_mode_loss(make_model(norm=norm), tokens, rows) for rows in (1, 3, 4)]
        for norm in ("pre", "batch")
    }
    model = make_model()
    expected = loss_of(model(tokens[:, :-1]), tokens[:, 1:]).item()
    assert losses["pre"] == pytest.approx(3 * [expected], abs=1e-5)
    assert max(losses["batch"]) - min(losses["batch"]) > 1e-3
