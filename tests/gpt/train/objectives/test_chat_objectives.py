import math

import pytest
import torch

from gpt.train.loop import Trainer
from gpt.train.objectives.answers import divergence, log_probs_of, token_logits
from gpt.train.objectives.dpo import DPO
from gpt.train.objectives.finetune import Finetune
from gpt.train.objectives.ppo import CLIP, GROUP, PPO, advantages_of, clipped_loss
from gpt.train.objectives.reward import Reward, pair_loss, rewards

CPU = torch.device("cpu")


def model_of(run, *, train: bool = True):
    return Trainer(run, CPU).model.train(train)


def drawn(objective, model, seed: int = 0):
    return objective.draw(model, torch.Generator().manual_seed(seed))


def test_the_finetuning_loss_counts_answers_alone(stage):
    run = stage("finetune")
    objective, model = Finetune(run, CPU), model_of(run)
    tokens, is_answer = drawn(objective, model)
    expected = []
    for row, mask in zip(tokens, is_answer, strict=True):
        nats = -model(row[None, :-1])[0].log_softmax(-1).gather(1, row[1:, None])[:, 0]
        expected.append(nats[mask[1:]].mean())
    assert objective.loss(model, tokens, is_answer).item() == pytest.approx(
        torch.stack(expected).mean().item(), abs=1e-5
    )


def test_what_is_no_answer_has_no_gradient(stage):
    """Logits outside the answers may be anything."""
    run = stage("finetune")
    objective, model = Finetune(run, CPU), model_of(run)
    tokens, is_answer = drawn(objective, model)
    logits = token_logits(model, tokens).detach().requires_grad_(True)
    log_probs_of(logits, tokens, is_answer).sum().backward()
    assert (logits.grad[~is_answer[:, 1:]] == 0).all() and (logits.grad[is_answer[:, 1:]] != 0).any()


def test_bradley_terry_by_hand():
    def tensor(*values):
        return torch.tensor(values, dtype=torch.float64)

    assert pair_loss(tensor(1.0), tensor(1.0)).item() == pytest.approx(math.log(2))
    assert pair_loss(tensor(3.0), tensor(1.0)).item() == pytest.approx(-math.log(1 / (1 + math.exp(-2))))
    assert pair_loss(tensor(0.0, 2.0), tensor(2.0, 0.0)).item() == pytest.approx(
        (math.log1p(math.exp(2)) + math.log1p(math.exp(-2))) / 2
    )
    assert pair_loss(tensor(5.0), tensor(1.0)) == pair_loss(tensor(105.0), tensor(101.0))  # only the difference counts


def test_a_reward_model_begins_by_guessing_and_reads_the_answers_end(stage):
    run = stage("reward", n_layer=1)
    objective, model = Reward(run, CPU), model_of(run)
    assert objective.evaluate(model) == {
        "val_loss": pytest.approx(math.log(2), abs=1e-6),
        "accuracy": 0,
    }  # all pairs are even
    torch.nn.init.normal_(model.unembed.weight)
    tokens, is_answer = (tensor.flatten(0, 1) for tensor in drawn(objective, model))
    given = rewards(model, tokens, is_answer)
    for row, mask, reward in zip(tokens, is_answer, given, strict=True):
        end = int(mask.nonzero().max()) + 1
        assert reward.item() == pytest.approx(model(row[None, :end])[0, -1].item(), abs=1e-5)


def test_a_reward_model_keeps_its_parents_layers(stage, parent):
    run = stage("reward", n_layer=1)
    own, theirs = model_of(run).state_dict(), parent.model().state_dict()
    assert own["unembed.weight"].shape == (1, 8) and (own["unembed.weight"] == 0).all()
    assert all(torch.equal(own[name], theirs[name]) for name in own if not name.startswith("unembed"))
    assert not any(name.startswith("blocks.1") for name in own)


def test_while_the_policy_is_the_one_that_drew_ppo_is_the_policy_gradient(stage):
    run = stage("ppo")
    objective, model = PPO(run, CPU), model_of(run)
    tokens, is_answer, drawn_with, advantages, reference = drawn(objective, model)
    log_probs = log_probs_of(token_logits(model, tokens), tokens, is_answer)
    assert torch.allclose(log_probs, drawn_with, atol=1e-5)  # every ratio is 1
    objective.loss(model, tokens, is_answer, drawn_with, advantages, reference).backward()
    clipped = [parameter.grad.clone() for parameter in model.parameters()]
    model.zero_grad()
    log_probs = log_probs_of(token_logits(model, tokens), tokens, is_answer)
    (-(advantages * log_probs.sum(1)).mean()).backward()
    for ours, plain in zip(clipped, (parameter.grad for parameter in model.parameters()), strict=True):
        assert torch.allclose(ours, plain, atol=1e-4)


def test_no_gain_beyond_the_clip():
    is_answer, before = torch.ones(1, 1, dtype=torch.bool), torch.zeros(1, 1)
    more, less = 1 + 2 * CLIP, 1 - 2 * CLIP
    for advantage, ratio, has_gradient in ((1, more, False), (1, less, True), (-1, less, False), (-1, more, True)):
        now = torch.tensor([[math.log(ratio)]], requires_grad=True)
        clipped_loss(now, before, torch.tensor([float(advantage)]), is_answer).backward()
        assert (now.grad != 0).item() is has_gradient


def test_an_answer_is_compared_with_the_others_to_its_question():
    returns = torch.tensor([1.0, 1.0, 1.0, 5.0, *GROUP * [9.0]])
    advantages = advantages_of(returns)
    assert advantages[:3].tolist() == pytest.approx(3 * [advantages[0].item()]) and (advantages[:3] < 0).all()
    assert advantages[3] == pytest.approx(-3 * advantages[0]) and (advantages[GROUP:] == 0).all()
    assert torch.allclose(advantages_of(returns + 7), advantages)
    assert (advantages_of(torch.full((GROUP,), 2.0)) == 0).all()


def test_the_leash_costs_beta_times_the_distance_and_pulls_back(stage):
    """The same answers under a policy that has moved: what β adds to the loss, and where its gradient leads."""
    run = stage("ppo", kl_weight=0.5)
    objective, model = PPO(run, CPU), model_of(run)
    batch = drawn(objective, model)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.1 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1))
    tokens, is_answer, drawn_with, _, reference = batch
    apart = divergence(token_logits(model, tokens), reference, is_answer).mean()
    free = clipped_loss(
        log_probs_of(token_logits(model, tokens), tokens, is_answer), drawn_with, batch[3], is_answer[:, 1:]
    )
    assert apart > 0 and objective.loss(model, *batch).item() == pytest.approx((free + 0.5 * apart).item(), abs=1e-5)
    nothing_earned = (*batch[:3], torch.zeros_like(batch[3]), reference)
    objective.loss(model, *nothing_earned).backward()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter -= 0.01 * parameter.grad
        assert divergence(token_logits(model, tokens), reference, is_answer).mean() < apart


def test_a_policy_is_measured_from_its_start(stage):
    run = stage("ppo")
    objective, model = PPO(run, CPU), model_of(run)
    found = objective.evaluate(model)
    assert found["kl"] == 0 and found["entropy"] > 0 and 0 <= found["preference"] <= 4
    assert objective.evaluate(model) == found


def test_dpo_begins_by_guessing_and_its_gradient_raises_the_preferred(stage):
    run = stage("dpo")
    objective, model = DPO(run, CPU), model_of(run)
    batch = drawn(objective, model)
    loss = objective.loss(model, *batch)
    assert loss.item() == pytest.approx(math.log(2), abs=1e-6)
    loss.backward()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter -= 0.01 * parameter.grad
    assert objective.loss(model, *batch) < loss
