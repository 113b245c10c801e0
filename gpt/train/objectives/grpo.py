"""Group relative policy optimisation on sums: raise the probability of answers that a check finds right.

Source: Shao et al. 2024 (DeepSeekMath), arXiv:2402.03300, equations 3 and 4.
"""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor

from gpt.model.gpt import GPT
from gpt.text.sums import CHECKS, END, is_right, questions_apart, questions_in
from gpt.text.tokenizer import Tokenizer
from gpt.train.files import RunError
from gpt.train.objectives.answers import continue_prompts, divergence, entropy, log_probs_of, texts_of, token_logits
from gpt.train.objectives.objective import OPTIMIZATION, Metric, Objective
from gpt.train.objectives.ppo import CLIP

if TYPE_CHECKING:
    from gpt.train.run import Run

GROUP = 8  # answers to the same question
LONGEST = 5  # characters of an answer
EVAL_SEED, EVAL_QUESTIONS, SHOWN = 4242, 200, 8


class GRPO(Objective[GPT]):
    """Earn rewards of 0 and 1 from `Recipe.check`, and stay near the reference; `kl_weight` is the price of a nat.

    The baseline of an answer is the mean reward of its group, so no value model is trained. Dividing by the group's
    standard deviation gives more weight to questions that are nearly always right or nearly always wrong, and dividing
    by the length favours long wrong answers: Liu et al. 2025 (Dr. GRPO), arXiv:2503.20783, leave out both.
    """

    name = "grpo"
    chapter = "1:48:53"
    loss_unit = ""
    metrics = (
        Metric("accuracy", "right sums", "share"),
        Metric("reward", "reward of the check", "0 to 1"),
        Metric("kl", "KL from the reference", "nats per answer"),
        Metric("entropy", "entropy", "nats per token"),
        *OPTIMIZATION,
    )
    frozen = ("reference",)
    draws_from_model = True

    def __init__(self, run: "Run", device: torch.device) -> None:
        super().__init__(run, device)
        self.questions, self.validation = questions_in(run.corpus().text), questions_apart()
        if not self.questions:
            raise RunError(f'the text {run.recipe.text!r} has no sums; write lines such as "27+15=42", or take "sums"')
        self.check = CHECKS[run.recipe.check]
        self.reference = cast(GPT, run.frozen_model("reference")).to(device)

    @torch.no_grad()
    def draw(self, model: GPT, generator: torch.Generator) -> tuple[Tensor, ...]:
        """Draw a group of answers to each of some questions.

        Returns tokens and is_answer (B, T), the log-probabilities at drawing and those of the reference (B, T − 1), and
        advantages (B,).
        """
        rows = torch.randint(len(self.questions), (-(-self.recipe.batch_size // GROUP),), generator=generator)
        questions = [self.questions[row] for row in rows.repeat_interleave(GROUP).tolist()]
        tokens, is_answer = self._answer(model, questions, generator)
        answers = tokens.to(self.device), is_answer.to(self.device)
        drawn_with, reference = (
            log_probs_of(token_logits(each, answers[0]), *answers).cpu() for each in (model, self.reference)
        )
        rewards = self._rewards(questions, tokens, is_answer)
        return tokens, is_answer, drawn_with, reference, group_advantages(rewards.view(-1, GROUP)).flatten()

    def loss(self, model: GPT, *batch: Tensor) -> Tensor:
        tokens, is_answer, drawn_with, reference, advantages = batch
        log_probs = log_probs_of(token_logits(model, tokens), tokens, is_answer)
        return grpo_loss(log_probs, drawn_with, reference, advantages, is_answer[:, 1:], self.recipe.kl_weight)

    @torch.no_grad()
    def evaluate(self, model: GPT) -> dict[str, float]:
        """Measure answers to questions that no text has."""
        questions = self.validation[:EVAL_QUESTIONS]
        tokens, is_answer = self._answer(model, questions, torch.Generator().manual_seed(EVAL_SEED))
        answers = tokens.to(self.device), is_answer.to(self.device)
        logits, reference = (token_logits(each, answers[0]) for each in (model, self.reference))
        texts = texts_of(tokens, is_answer, self.tokenizer)
        return {
            "accuracy": right_share(questions, texts),
            "reward": self._rewards(questions, tokens, is_answer).mean().item(),
            "kl": divergence(logits, reference, answers[1]).mean().item(),
            "entropy": entropy(logits, answers[1]).item(),
        }

    def sample(self, model: GPT) -> dict[str, Any]:
        """Let the model answer some validation questions."""
        seed, questions = self.recipe.seed, self.validation[:SHOWN]
        answers = self._answer(model, questions, torch.Generator().manual_seed(seed))
        texts = texts_of(*answers, self.tokenizer)
        return {"prompt": "", "seed": seed, "text": "".join(map(str.__add__, questions, texts))}

    def _answer(self, model: GPT, questions: Sequence[str], generator: torch.Generator) -> tuple[Tensor, Tensor]:
        model.eval()
        answers = answer_questions(model, questions, self.tokenizer, generator)
        model.train()
        return answers

    def _rewards(self, questions: Sequence[str], tokens: Tensor, is_answer: Tensor) -> Tensor:
        """Return 1 for each answer that passes the check, else 0: (B,)."""
        texts = texts_of(tokens, is_answer, self.tokenizer)
        return torch.tensor([float(self.check(*pair)) for pair in zip(questions, texts, strict=True)])

    @staticmethod
    def quality(measured: Mapping[str, float]) -> float:
        return measured.get("reward", math.nan)


def answer_questions(
    model: GPT, questions: Sequence[str], tokenizer: Tokenizer, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Draw an answer to each question: tokens and is_answer, (B, T) each. The model must be in eval mode."""
    return continue_prompts(model, [END + question for question in questions], tokenizer, generator, LONGEST, END)


def right_share(questions: Sequence[str], answers: Sequence[str]) -> float:
    """Return the share of answers that are the sum."""
    return sum(map(is_right, questions, answers)) / len(questions)


def group_advantages(rewards: Tensor) -> Tensor:
    """Return how much better each answer is than its group, in standard deviations: (groups, G) → (groups, G).

    The deviation is that of a sample, with G − 1. Where all answers have the same reward, every advantage is 0.
    """
    return (rewards - rewards.mean(-1, keepdim=True)) / (rewards.std(-1, keepdim=True) + 1e-6)


def grpo_loss(
    log_probs: Tensor, drawn_with: Tensor, reference: Tensor, advantages: Tensor, is_answer: Tensor, kl_weight: float
) -> Tensor:
    """Return −(min(ratio · A, clip(ratio) · A) − β · KL), the mean over an answer's tokens, then over answers.

    log_probs (now), drawn_with (when drawn), reference, is_answer: (B, T) each; advantages: (B,). The KL of a token is
    estimated from the drawn token, and is never below 0: π_ref / π − log(π_ref / π) − 1.
    """
    ratio = (log_probs - drawn_with).exp()
    gain = torch.minimum(ratio * advantages[:, None], ratio.clamp(1 - CLIP, 1 + CLIP) * advantages[:, None])
    further = reference - log_probs
    kl = further.exp() - further - 1
    return -((gain - kl_weight * kl) * is_answer).sum(1).div(is_answer.sum(1)).mean()
