"""Policy optimisation: raise the probability of drawn answers that a reward model scores above the average.

Source: lecture 01:48:53; clipped ratio: Schulman et al. 2017, arXiv:1707.06347; KL penalty: Ziegler et al. 2019,
arXiv:1909.08593.
"""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from gpt.model.gpt import GPT
from gpt.train.objectives.answers import divergence, draw_answers, entropy, log_probs_of, token_logits
from gpt.train.objectives.objective import OPTIMIZATION, Metric
from gpt.train.objectives.reward import rewards
from gpt.train.objectives.stage import KL, PREFERENCE, Stage

if TYPE_CHECKING:
    from gpt.train.run import Run

CLIP = 0.2  # largest relative change of a token's probability that has a gradient: Schulman et al. 2017, table 3
GROUP = 4  # answers to the same question, each of which is the others' baseline


class PPO(Stage):
    """Earn rewards, and stay near the reference; `kl_weight` is the price of one nat of distance.

    Two things are simpler than in the papers. The baseline of an answer is the mean reward of the others to the same
    question (leave-one-out: Ahmadian et al. 2024, arXiv:2402.14740), so no value model is trained. The KL penalty uses
    the whole distribution at each token and is a term of the loss, as in Shao et al. 2024, arXiv:2402.03300, equation
    3. Ziegler et al. subtract the drawn tokens' log-ratio from the reward: the same on average, but mostly noise with
    few answers in a batch.
    """

    name = "ppo"
    loss_unit = ""
    metrics = (
        Metric("reward", "reward model's number"),
        PREFERENCE,
        KL,
        Metric("entropy", "entropy", "nats per token"),
        *OPTIMIZATION,
    )
    frozen = ("reference", "reward")
    draws_from_model = True

    def __init__(self, run: "Run", device: torch.device) -> None:
        super().__init__(run, device)
        self.reference, self.reward_model = self.frozen_model("reference"), self.frozen_model("reward")

    @torch.no_grad()
    def draw(self, model: GPT, generator: torch.Generator) -> tuple[Tensor, ...]:
        """Draw new answers.

        Returns tokens and is_answer (B, T), the log-probabilities at drawing (B, T − 1), advantages (B,), and the
        reference's logits (B, T − 1, vocab_size).
        """
        rows = torch.randint(len(self.questions), (-(-self.recipe.batch_size // GROUP),), generator=generator)
        questions = [self.questions[row] for row in rows.repeat_interleave(GROUP).tolist()]
        model.eval()
        tokens, is_answer = draw_answers(model, questions, self.tokenizer, generator)
        on_device = tokens.to(self.device), is_answer.to(self.device)
        drawn_with = log_probs_of(token_logits(model, on_device[0]), *on_device)
        model.train()
        advantages = advantages_of(rewards(self.reward_model, *on_device))
        return tokens, is_answer, drawn_with.cpu(), advantages.cpu(), token_logits(self.reference, on_device[0]).cpu()

    def loss(self, model: GPT, *batch: Tensor) -> Tensor:
        """Compute the clipped loss and the KL penalty. batch: as `draw` returns it."""
        tokens, is_answer, drawn_with, advantages, reference = batch
        logits = token_logits(model, tokens)
        gain = clipped_loss(log_probs_of(logits, tokens, is_answer), drawn_with, advantages, is_answer[:, 1:])
        return gain + self.recipe.kl_weight * divergence(logits, reference, is_answer).mean()

    @torch.no_grad()
    def evaluate(self, model: GPT) -> dict[str, float]:
        """Measure answers to validation questions: reward, stated preference, distance from the reference, entropy."""
        tokens, is_answer = self.answer_validation_questions(model)
        on_device = tokens.to(self.device), is_answer.to(self.device)
        model.eval()
        logits, reference = (token_logits(m, on_device[0]) for m in (model, self.reference))
        model.train()
        return {
            "reward": rewards(self.reward_model, *on_device).mean().item(),
            "preference": self.mean_preference(tokens, is_answer),
            "kl": divergence(logits, reference, on_device[1]).mean().item(),
            "entropy": entropy(logits, on_device[1]).item(),
        }

    @staticmethod
    def quality(measured: Mapping[str, float]) -> float:
        return measured.get("reward", math.nan)


def advantages_of(rewards: Tensor) -> Tensor:
    """Return how much better each answer is than the others to its question, in standard deviations: (B,).

    rewards: (B,), the answers to one question after each other.
    """
    groups = rewards.view(-1, GROUP)
    advantages = (groups - (groups.sum(1, keepdim=True) - groups) / (GROUP - 1)).flatten()
    return advantages / (advantages.std() + 1e-6)


def clipped_loss(log_probs: Tensor, drawn_with: Tensor, advantages: Tensor, is_answer: Tensor) -> Tensor:
    """Return PPO's loss: −min(ratio · A, clip(ratio) · A), summed over an answer's tokens, the mean over answers.

    log_probs (now), drawn_with (when drawn), is_answer: (B, T) each; advantages: (B,), one for all tokens of an answer.
    Before the first update all ratios are 1 and the gradient is that of −A · log p. Source: Schulman et al. 2017,
    equation 7.
    """
    ratio = (log_probs - drawn_with).exp()
    gain = torch.minimum(ratio * advantages[:, None], ratio.clamp(1 - CLIP, 1 + CLIP) * advantages[:, None])
    return -(gain * is_answer).sum(1).mean()
