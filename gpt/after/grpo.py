"""One update of GRPO on one question: a group of answers, their advantages, and the probabilities before and after.

Source: Shao et al. 2024, arXiv:2402.03300.
"""

from copy import deepcopy
from dataclasses import dataclass

import torch
from torch import Tensor

from gpt.model.gpt import GPT
from gpt.text.sums import CHECKS
from gpt.text.tokenizer import Tokenizer
from gpt.train.objectives.answers import log_probs_of, texts_of, token_logits
from gpt.train.objectives.grpo import answer_questions, group_advantages, grpo_loss


@dataclass(frozen=True)
class Group:
    """Answers to one question. rewards, advantages: (G,); tokens, is_answer: (G, T)."""

    answers: list[str]
    rewards: Tensor
    advantages: Tensor
    tokens: Tensor
    is_answer: Tensor


def draw_group(model: GPT, tokenizer: Tokenizer, question: str, size: int, *, check: str, seed: int) -> Group:
    """Draw G = size answers to a question, such as "27+15=", and check each. check: a key of `CHECKS`."""
    generator = torch.Generator().manual_seed(seed)
    tokens, is_answer = answer_questions(model, size * [question], tokenizer, generator)
    answers = texts_of(tokens, is_answer, tokenizer)
    rewards = torch.tensor([float(CHECKS[check](question, answer)) for answer in answers])
    return Group(answers, rewards, group_advantages(rewards), tokens, is_answer)


def update_once(model: GPT, group: Group, lr: float) -> list[tuple[list[float], list[float]]]:
    """Take one step against the gradient on a copy of the model.

    Returns the probabilities of each answer's characters before and after it, one pair of lists per answer. The model
    itself does not change. Before the first step, ratios are 1 and the KL has no gradient.
    """
    updated = deepcopy(model).requires_grad_(True)
    optimizer = torch.optim.SGD(updated.parameters(), lr=lr)
    before = log_probs_of(token_logits(updated, group.tokens), group.tokens, group.is_answer)
    fixed = before.detach()
    grpo_loss(before, fixed, fixed, group.advantages, group.is_answer[:, 1:], kl_weight=0.0).backward()
    optimizer.step()
    with torch.no_grad():
        after = log_probs_of(token_logits(updated, group.tokens), group.tokens, group.is_answer)
    rows = zip(fixed.exp(), after.exp(), group.is_answer[:, 1:], strict=True)
    return [(was[mask].tolist(), now[mask].tolist()) for was, now, mask in rows]
