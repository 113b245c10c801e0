import math

import pytest
import torch
from torch.nn import functional as F

from gpt import GPT, Bigram, GPTConfig, build_model, loss_of

TEXT = torch.tensor([0, 1, 0, 1, 2, 0, 1, 1, 2, 2, 0, 0, 1, 2, 0, 1, 0, 2, 1, 0, 1])
CONFIG = GPTConfig(vocab_size=3, n_layer=0)


def text_loss(model: Bigram) -> torch.Tensor:
    return loss_of(model(TEXT[None, :-1]), TEXT[None, 1:])


def test_counted_shares_by_hand():
    # 0 → 1 three times, 0 → 2 once, 1 → 0 twice, 1 → 1 once
    model = Bigram.from_counts(torch.tensor([0, 1, 0, 1, 1, 0, 2, 0, 1]), CONFIG, smoothing=0.5)
    shares = model.table.weight.exp()
    expected = torch.tensor([[0.5, 3.5, 1.5], [2.5, 1.5, 0.5], [1.5, 0.5, 0.5]])
    torch.testing.assert_close(shares, expected / expected.sum(1, keepdim=True))


def test_the_next_logits_are_those_of_the_last_token():
    model = Bigram.from_counts(TEXT, CONFIG)
    assert torch.equal(model.next_logits(TEXT[None]), model(TEXT[None])[:, -1])


def test_a_row_is_a_distribution_also_of_a_token_never_seen():
    model = Bigram.from_counts(torch.tensor([0, 0, 0]), CONFIG)
    shares = model(torch.tensor([[0, 1, 2]])).exp()
    torch.testing.assert_close(shares.sum(-1), torch.ones(1, 3))
    torch.testing.assert_close(shares[0, 1], torch.full((3,), 1 / 3))


def test_counting_is_the_best_that_any_table_can_do():
    counted = text_loss(Bigram.from_counts(TEXT, CONFIG, smoothing=1e-6)).item()
    pairs = list(zip(TEXT[:-1].tolist(), TEXT[1:].tolist(), strict=True))
    entropy = -sum(math.log(pairs.count(p) / sum(q[0] == p[0] for q in pairs)) for p in pairs) / len(pairs)
    assert counted == pytest.approx(entropy, abs=1e-5)
    for seed in range(20):
        torch.manual_seed(seed)
        other = Bigram.from_counts(TEXT, CONFIG, smoothing=1e-6)
        with torch.no_grad():
            other.table.weight += torch.randn(3, 3) * 0.1
        assert text_loss(other).item() > counted


def test_training_approaches_counting():
    torch.manual_seed(0)
    model = Bigram(CONFIG)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1, weight_decay=0)
    losses = []
    for _ in range(300):
        loss = text_loss(model)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    counted = Bigram.from_counts(TEXT, CONFIG, smoothing=1e-6)
    floor = text_loss(counted).item()
    assert floor - 1e-6 <= losses[-1] < floor + 1e-3 < losses[0]
    seen = counted.table.weight.exp()
    torch.testing.assert_close(F.softmax(model.table.weight, -1), seen, atol=0.02, rtol=0)


@pytest.mark.parametrize(
    ("ids", "smoothing"), [([0], 1.0), ([], 1.0), ([0, 1], 0.0), ([0, 1], -1.0), ([0, 1], math.nan)]
)
def test_nothing_to_count_or_no_smoothing_is_refused(ids, smoothing):
    with pytest.raises(ValueError, match="two tokens and a positive smoothing"):
        Bigram.from_counts(torch.tensor(ids, dtype=torch.long), CONFIG, smoothing)


def test_a_token_outside_the_vocabulary_is_refused():
    with pytest.raises(ValueError, match="tokens 0 to 3 do not fit vocab_size=3"):
        Bigram.from_counts(torch.tensor([0, 3, 1]), CONFIG)


def test_the_config_decides_which_model_is_built(small_config):
    assert isinstance(build_model(small_config(n_layer=0)), Bigram)
    assert isinstance(build_model(small_config(n_layer=1)), GPT)
    assert build_model(small_config(n_layer=0)).n_params == 121
