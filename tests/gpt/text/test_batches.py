import pytest
import torch

from gpt.text.batches import check_length, draw_batch, fewest_tokens, split_ids


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


@pytest.mark.parametrize("block_size", [*range(1, 70), 256, 1000, 1024])
def test_the_fewest_tokens_are_just_enough_for_both_parts(block_size):
    def fits(n):
        try:
            for part in split_ids(range(n)):
                batch(part, block_size=block_size)
        except ValueError:
            return False
        return True

    n = fewest_tokens(block_size)
    assert fits(n) and not fits(n - 1)
    check_length(n, n, block_size)
    with pytest.raises(ValueError, match=f"at least {n:,}, since the last tenth is for validation"):
        check_length(n - 1, n - 1, block_size)


def test_a_text_that_is_too_short_is_told_what_fits():
    with pytest.raises(
        ValueError, match=r"has 126 characters; block_size=64 needs at least 641.* or a block_size of at most 12$"
    ):
        check_length(126, 126, 64)
    with pytest.raises(
        ValueError, match=r"has 7 tokens in 100 characters; block_size=8 needs at least 81, .* give a longer text$"
    ):
        check_length(7, 100, 8)
    check_length(126, 126, 12)
