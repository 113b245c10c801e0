"""The parts of a block by hand: identities, known answers, and the real modules."""

import pytest
import torch
from torch import nn

from gpt import GPTConfig
from gpt.by_hand import embedding_tables, feed_forward, random_feed_forward, through_blocks
from gpt.lecture import concatenated_heads
from gpt.model.attention import Attention
from gpt.model.mlp import MLP


def test_the_tables_are_the_lectures_two_embeddings_one_after_the_other():
    torch.manual_seed(1337)
    wanted = nn.Embedding(65, 32).weight, nn.Embedding(8, 32).weight
    assert all(map(torch.equal, embedding_tables(65, 8, 32), wanted))


def test_the_difference_of_two_places_does_not_depend_on_the_token():
    tokens, positions = embedding_tables(65, 8, 32)
    differences = (tokens + positions[5]) - (tokens + positions[0])
    assert torch.allclose(differences, (positions[5] - positions[0]).expand(65, 32), atol=1e-5)


def test_a_feedforward_layer_is_the_models_and_reads_one_token():
    mlp = MLP(GPTConfig(n_embd=4, activation="relu", bias=True)).eval()
    x = torch.randn(8, 4)
    fed = feed_forward(x, mlp.up, mlp.down)
    assert fed.post.shape == (8, 16) and torch.allclose(fed.out, mlp(x[None])[0], atol=1e-6)
    assert torch.equal(fed.post == 0, fed.pre <= 0)
    other = torch.randn(8, 4)
    other[3] = x[3]
    assert torch.allclose(feed_forward(other, mlp.up, mlp.down).out[3], fed.out[3], atol=1e-6)


def test_relu_keeps_what_is_positive():
    first, second = nn.Linear(2, 2, bias=False), nn.Linear(2, 1, bias=False)
    with torch.no_grad():
        first.weight.copy_(torch.eye(2)), second.weight.copy_(torch.tensor([[1.0, 10.0]]))
    fed = feed_forward(torch.tensor([[3.0, -2.0]]), first, second)
    assert fed.post.tolist() == [[3.0, 0.0]] and fed.out.item() == 3.0


def test_the_projection_of_the_heads_side_by_side_is_the_attention():
    torch.manual_seed(0)
    attention = Attention(GPTConfig(block_size=8, n_head=4, n_embd=32)).eval()
    x = torch.randn(2, 8, 32)
    heads = concatenated_heads(attention, x)
    assert heads.shape == (2, 8, 32) and torch.allclose(attention.proj(heads), attention(x), atol=1e-6)
    with torch.no_grad():
        attention.qkv.weight[64:72] = 0  # the v of head 0
        attention.qkv.bias[64:72] = 0
    changed = (concatenated_heads(attention, x) - heads).abs().amax((0, 1)) > 0
    assert changed.tolist() == [True] * 8 + [False] * 24


def test_blocks_that_add_nothing_leave_a_vector_and_its_gradient_as_they_are():
    x = torch.randn(16)
    depths = through_blocks(x, 5 * [lambda x: 0 * x], residual=True)
    for each in (depths.sizes, depths.cosines, depths.gradients):
        assert torch.allclose(each, torch.ones(6), atol=1e-6)


def test_halving_blocks_halve_and_residual_ones_add_a_half():
    x = torch.randn(16)
    halves, more = (through_blocks(x, 4 * [lambda x: x / 2], residual=residual) for residual in (False, True))
    assert torch.allclose(halves.sizes, 0.5 ** torch.arange(5.0)) and torch.allclose(
        more.sizes, 1.5 ** torch.arange(5.0)
    )
    assert torch.allclose(halves.gradients, halves.sizes.flip(0)) and torch.allclose(halves.cosines, torch.ones(5))


@pytest.mark.parametrize("residual", [True, False])
def test_the_gradient_is_the_slope(residual):
    pairs = [random_feed_forward(6, 12, seed=seed) for seed in range(3)]
    blocks = [lambda x, pair=pair: feed_forward(x, *(layer.double() for layer in pair)).out for pair in pairs]
    x = torch.randn(6, dtype=torch.float64)
    direction = torch.randn(6, generator=torch.Generator().manual_seed(0)).double()

    def value(x):
        for f in blocks:
            x = x + f(x) if residual else f(x)
        return x @ direction

    slopes = torch.stack([(value(x + 1e-6 * e) - value(x - 1e-6 * e)) / 2e-6 for e in torch.eye(6).double()])
    found = through_blocks(x, blocks, residual).gradients[0]
    assert found.item() == pytest.approx((slopes.norm() / direction.norm()).item(), rel=1e-5)
