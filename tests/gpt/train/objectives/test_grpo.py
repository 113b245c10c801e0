"""GRPO: advantages of a group, the clipped loss, and runs that resume exactly."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gpt import GPTConfig, Recipe, create_run, load_corpus, load_run
from gpt.text.sums import questions_apart
from gpt.train.fork import fork_run
from gpt.train.loop import Trainer, train
from gpt.train.objectives.answers import log_probs_of, texts_of, token_logits
from gpt.train.objectives.grpo import GROUP, GRPO, group_advantages, grpo_loss
from gpt.train.objectives.ppo import CLIP
from gpt.train.run import RunError

CPU = torch.device("cpu")
SUMS = Recipe(
    model=GPTConfig(block_size=20, n_layer=1, n_head=2, n_embd=8), text="sums", steps=2, batch_size=16, lr=1e-2,
    eval_every=2, eval_batches=1, log_every=1, snapshots=1, seed=7,
)  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sums")
    train(create_run(folder / "sums", SUMS), CPU)
    return folder


@pytest.fixture
def make(folder, request):
    numbers = iter(range(100))

    def make(**changes):
        changes = {"objective": "grpo", "start": "sums", "updates": 3, "steps": 8, "kl_weight": 0.1, **changes}
        name = f"{request.node.originalname}-{next(numbers)}"
        return create_run(folder / name, SUMS.changed(**changes))

    return make


def rewarded(objective, questions, tokens, is_answer):
    """Give every odd answer a reward, since an untrained model has no right ones."""
    return torch.arange(len(questions)).remainder(2).float()


@pytest.fixture
def batch(make, monkeypatch):
    monkeypatch.setattr(GRPO, "_rewards", rewarded)
    run = make()
    objective, model = GRPO(run, CPU), Trainer(run, CPU).model
    return objective, model, objective.draw(model, torch.Generator().manual_seed(0))


@given(st.lists(st.integers(0, 1), min_size=2, max_size=16))
def test_advantages_have_mean_0_and_deviation_1_or_are_all_0(rewards):
    advantages = group_advantages(torch.tensor([rewards], dtype=torch.float64))
    assert advantages.mean().item() == pytest.approx(0, abs=1e-9)
    assert advantages.std().item() == pytest.approx(float(len(set(rewards)) > 1), abs=1e-5)


def test_one_right_answer_of_four():
    rewards = torch.tensor([[1.0, 0, 0, 0], [1, 1, 1, 1]])
    expected = [1.5, -0.5, -0.5, -0.5, 0, 0, 0, 0]  # mean 1/4, deviation 1/2
    assert group_advantages(rewards).flatten().tolist() == pytest.approx(expected, abs=1e-5)


def test_no_gain_beyond_the_clip_and_no_kl_below_0():
    one, before = torch.ones(1, 1, dtype=torch.bool), torch.zeros(1, 1)
    more, less = 1 + 2 * CLIP, 1 - 2 * CLIP
    for advantage, ratio, has_gradient in ((1, more, False), (1, less, True), (-1, less, False), (-1, more, True)):
        now = torch.tensor([[ratio]]).log().requires_grad_(True)
        grpo_loss(now, before, before, torch.tensor([float(advantage)]), one, 0.0).backward()
        assert now.grad.ne(0).item() is has_gradient
    for now in (-2.0, -0.1, 0.1, 2.0):
        assert grpo_loss(torch.tensor([[now]]), before, before, torch.zeros(1), one, 1.0) > 0
    assert grpo_loss(before, before, before, torch.zeros(1), one, 1.0) == 0


def test_the_first_step_is_the_policy_gradient_with_each_answers_mean(batch):
    objective, model, drawn = batch
    tokens, is_answer, drawn_with, reference, advantages = drawn
    assert torch.allclose(drawn_with, reference, atol=1e-5) and advantages[:2].sum().abs() < 1e-5
    objective.loss(model, *drawn).backward()
    ours = [parameter.grad.clone() for parameter in model.parameters()]
    model.zero_grad()
    log_probs = log_probs_of(token_logits(model, tokens), tokens, is_answer)
    (-(advantages * log_probs.sum(1) / is_answer.sum(1)).mean()).backward()
    for mine, plain in zip(ours, (parameter.grad for parameter in model.parameters()), strict=True):
        assert torch.allclose(mine, plain, atol=1e-5)


def test_answers_of_a_group_are_to_one_question_of_the_text(batch):
    objective, _, (tokens, is_answer, *_) = batch
    prompts = [objective.tokenizer.decode(row[:7].tolist()) for row in tokens]
    assert len(prompts) == 16 and len(set(prompts)) == 16 // GROUP and len(set(prompts[:GROUP])) == 1
    assert not {prompt.strip() for prompt in prompts} & set(questions_apart())
    assert all(len(text) <= 5 and "\n" not in text[:-1] for text in texts_of(tokens, is_answer, objective.tokenizer))


def test_equal_rewards_teach_nothing(make, monkeypatch):
    monkeypatch.setattr(GRPO, "_rewards", lambda objective, questions, *answers: torch.ones(len(questions)))
    run = make(steps=3, kl_weight=0.0, weight_decay=0.0)
    before = load_run(run.folder.parent / "sums").model().state_dict()
    train(run, CPU)
    assert all(torch.equal(tensor, before[name]) for name, tensor in run.model().state_dict().items())


def test_a_run_that_stops_within_a_batch_resumes_with_the_same_curve(make, monkeypatch):
    monkeypatch.setattr(GRPO, "_rewards", rewarded)
    whole, stopped = make(), make()
    train(whole, CPU)
    train(stopped, CPU, lambda row: stopped.stop_request.touch() if row["step"] == 3 else None)
    assert stopped.status.state == "stopped" and stopped.status.step % 3
    train(load_run(stopped.folder), CPU)
    timed = {"elapsed", "tokens_per_s"}
    curves = [[{k: v for k, v in row.items() if k not in timed} for row in run.metrics()] for run in (whole, stopped)]
    assert curves[0] == curves[1] and {"accuracy", "reward", "kl", "entropy"} <= curves[0][-1].keys()
    weights, others = (run.model().state_dict() for run in (whole, stopped))
    assert all(torch.equal(tensor, others[name]) for name, tensor in weights.items())


def test_a_fork_goes_on_from_a_snapshot(make):
    parent = make(steps=2)
    train(parent, CPU)
    child = fork_run(parent, None, parent.folder.parent / "child", steps=4, check="last digit")
    train(child, CPU)
    assert child.status.state == "finished" and child.recipe.check == "last digit"


def test_a_text_without_sums_and_a_check_that_does_not_exist_are_refused(folder):
    with pytest.raises(RunError, match="does not know"):
        create_run(folder / "letters", SUMS.changed(objective="grpo", start="sums", text="repeats"))
    digits = load_corpus("sums").text.replace("+", "=")
    own = type(load_corpus("sums"))("digits", digits, "a test")
    with pytest.raises(RunError, match="has no sums; write lines such as"):
        create_run(folder / "digits", SUMS.changed(objective="grpo", start="sums"), own)
    with pytest.raises(ValueError, match=r"Recipe.check='taste' does not work: choose one of sum, last digit"):
        SUMS.changed(check="taste")
