import pytest
import torch

from gpt.text.batches import draw_batch, split_ids


def batch(ids, batch_size=16, block_size=8, seed=0):
    return draw_batch(ids, batch_size, block_size, torch.Generator().manual_seed(seed))


def test_y_is_x_one_step_later_and_both_come_from_the_text():
    ids = torch.arange(50)  # each id is its own position
    x, y = batch(ids, batch_size=500)
    assert x.shape == y.shape == (500, 8) and x.dtype == y.dtype == torch.int64
    assert torch.equal(y, x + 1)
    assert torch.equal(x - x[:, :1], torch.arange(8).expand(500, 8))
    assert set(x[:, 0].tolist()) == set(range(42))  # every start that leaves a last target, and no other


def test_the_seed_decides():
    ids = torch.arange(50)
    assert torch.equal(batch(ids, seed=3)[0], batch(ids, seed=3)[0])
    assert not torch.equal(batch(ids, seed=3)[0], batch(ids, seed=4)[0])


def test_one_chunk_and_its_target_are_enough():
    x, y = batch(torch.arange(9), batch_size=3)
    assert torch.equal(x, torch.arange(8).expand(3, 8)) and torch.equal(y, x + 1)


@pytest.mark.parametrize("n", [0, 1, 8])
def test_less_than_one_chunk_and_its_target_is_refused(n):
    with pytest.raises(ValueError, match=f"{n} tokens are too few for chunks of block_size=8 .* at least 9 tokens"):
        batch(torch.arange(n))


@pytest.mark.parametrize(("n", "cut"), [(0, 0), (1, 0), (9, 8), (10, 9), (100, 90), (1_115_394, 1_003_854)])
def test_the_first_ninety_percent_are_for_training(n, cut):
    train, val = split_ids(range(n))
    assert (len(train), len(val)) == (cut, n - cut)
    assert torch.equal(torch.cat((train, val)), torch.arange(n))
