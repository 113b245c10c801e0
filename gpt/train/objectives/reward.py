"""The reward model: it learns from pairs of answers which one is preferred.

Source: lecture 01:48:53; Ouyang et al. 2022, arXiv:2203.02155, section 3.5; Bradley & Terry 1952.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gpt.text.dialogue import Exchange, pairs, preference
from gpt.train.objectives.answers import take
from gpt.train.objectives.stage import SHOWN, Stage
from gpt.train.run import Run, RunError


class Preference(Stage):
    """Pairs of answers to the same question, the preferred one first."""

    def __init__(self, run: Run, device: torch.device) -> None:
        super().__init__(run, device)
        self.pairs, self.unseen = (self._as_tensors(part) for part in (self.exchanges, self.held_out))

    def _as_tensors(self, exchanges: list[Exchange]) -> tuple[Tensor, Tensor]:
        """tokens and is_answer of pairs, (pairs, 2, T) each."""
        found = pairs(exchanges)
        if not found:
            raise RunError(
                f"of {len(exchanges)} answers in the text {self.recipe.text!r} no two to the same question differ in preference; "
                "give several to each, better and worse ones"
            )
        tokens, is_answer = self.tensors([answer for pair in found for answer in pair])
        return tokens.view(len(found), 2, -1), is_answer.view(len(found), 2, -1)

    def draw(self, model: nn.Module, generator: torch.Generator) -> tuple[Tensor, ...]:
        rows = torch.randint(len(self.pairs[0]), (self.recipe.batch_size,), generator=generator)
        return take(self.pairs, rows)


class Reward(Preference):
    """Give the preferred answer of a pair the higher number."""

    def loss(self, model: nn.Module, *batch: Tensor) -> Tensor:
        """Nats a pair. batch: tokens and is_answer, (B, 2, T) each."""
        return pair_loss(*rewards(model, *(tensor.flatten(0, 1) for tensor in batch)).view(-1, 2).unbind(1))

    @torch.no_grad()
    def evaluate(self, model: nn.Module) -> dict[str, float]:
        model.eval()
        unseen = (tensor.flatten(0, 1).to(self.device) for tensor in self.unseen)
        preferred, other = rewards(model, *unseen).view(-1, 2).unbind(1)
        model.train()
        accuracy = (preferred > other).float().mean().item()
        return {"val_loss": pair_loss(preferred, other).item(), "accuracy": accuracy}

    @torch.no_grad()
    def sample(self, model: nn.Module) -> dict[str, Any]:
        """Held-out answers with what it gives them."""
        shown = self.held_out[: 2 * SHOWN]
        model.eval()
        given = rewards(model, *(tensor.to(self.device) for tensor in self.tensors(shown))).tolist()
        model.train()
        lines = [
            f"{reward:+.2f} (stated: {preference(*exchange)})  {exchange.question} {exchange.answer.strip()}\n"
            for reward, exchange in zip(given, shown, strict=True)
        ]
        return {"prompt": "", "seed": self.recipe.seed, "text": "".join(lines)}


def rewards(model: nn.Module, tokens: Tensor, is_answer: Tensor) -> Tensor:
    """What a reward model gives each answer, read at its last token: (B,). tokens, is_answer: (B, T) each."""
    last = is_answer.long().cumsum(1).argmax(1)  # the first place where all of the answer has been counted
    return model(tokens).gather(1, last[:, None])[:, 0]


def pair_loss(preferred: Tensor, other: Tensor) -> Tensor:
    """−log of the probability that the preferred of two answers is preferred, σ(r₁ − r₂): the mean over pairs, (B,) each, in nats."""
    return -F.logsigmoid(preferred - other).mean()
