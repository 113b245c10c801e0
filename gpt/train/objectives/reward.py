"""The reward model: it learns from pairs of answers which one is preferred.

Source: lecture 01:48:53; Ouyang et al. 2022, arXiv:2203.02155, section 3.5; Bradley & Terry 1952.
"""

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional as F

from gpt.model.gpt import GPT
from gpt.model.reward import RewardModel
from gpt.text.dialogue import Exchange, pairs, preference
from gpt.train.files import RunError
from gpt.train.objectives.answers import take
from gpt.train.objectives.objective import OPTIMIZATION, losses
from gpt.train.objectives.stage import ACCURACY, SHOWN, Stage

if TYPE_CHECKING:
    from gpt.train.run import Run


class Preference(Stage):
    """An objective on pairs of answers to the same question; the preferred answer is the first of a pair."""

    loss_unit = "nats per pair"
    texts_per_example = 2

    def __init__(self, run: "Run", device: torch.device) -> None:
        super().__init__(run, device)
        self.pairs, self.validation_pairs = self._pair_tensors(self.exchanges), self._pair_tensors(self.validation)

    def _pair_tensors(self, exchanges: list[Exchange]) -> tuple[Tensor, Tensor]:
        """Encode pairs as tokens and is_answer, (pairs, 2, T) each."""
        preferences = pairs(exchanges)
        if not preferences:
            raise RunError(
                f"of {len(exchanges)} answers in the text {self.recipe.text!r} no two to the same question differ in "
                "preference; "
                "give several to each, better and worse ones"
            )
        tokens, is_answer = self.tensors([answer for pair in preferences for answer in pair])
        return tokens.view(len(preferences), 2, -1), is_answer.view(len(preferences), 2, -1)

    def draw(self, model: GPT, generator: torch.Generator) -> tuple[Tensor, ...]:
        rows = torch.randint(len(self.pairs[0]), (self.recipe.batch_size,), generator=generator)
        return take(self.pairs, rows)

    @staticmethod
    def n_choices(vocab_size: int) -> int:
        return 2


class Reward(Preference):
    """Give the preferred answer of a pair the higher number."""

    name = "reward"
    kind = RewardModel
    metrics = (*losses(Preference.loss_unit), ACCURACY, *OPTIMIZATION)
    continues_prompt = False
    new_layer = "unembed"

    def loss(self, model: GPT, *batch: Tensor) -> Tensor:
        """Compute nats per pair. batch: tokens and is_answer, (B, 2, T) each."""
        return pair_loss(*self._rewards(model, *batch))

    @staticmethod
    def _rewards(model: GPT, tokens: Tensor, is_answer: Tensor) -> tuple[Tensor, ...]:
        """The rewards of the preferred answers and of the others, (B,) each."""
        return rewards(model, tokens.flatten(0, 1), is_answer.flatten(0, 1)).view(-1, 2).unbind(1)

    @torch.no_grad()
    def evaluate(self, model: GPT) -> dict[str, float]:
        model.eval()
        preferred, other = self._rewards(model, *(tensor.to(self.device) for tensor in self.validation_pairs))
        model.train()
        accuracy = (preferred > other).float().mean().item()
        return {"val_loss": pair_loss(preferred, other).item(), "accuracy": accuracy}

    @torch.no_grad()
    def sample(self, model: GPT) -> dict[str, Any]:
        """List validation answers with their rewards."""
        exchanges = self.validation[: 2 * SHOWN]
        model.eval()
        numbers: list[float] = rewards(model, *(tensor.to(self.device) for tensor in self.tensors(exchanges))).tolist()
        model.train()
        lines = [
            f"{reward:+.2f} (stated: {preference(*exchange)})  {exchange.question} {exchange.answer.strip()}\n"
            for reward, exchange in zip(numbers, exchanges, strict=True)
        ]
        return {"prompt": "", "seed": self.recipe.seed, "text": "".join(lines)}


def rewards(model: GPT, tokens: Tensor, is_answer: Tensor) -> Tensor:
    """Return the reward of each answer, the model's number at its last token: (B,). tokens, is_answer: (B, T) each."""
    last = is_answer.long().cumsum(1).argmax(1)  # the first position with the full count
    return model(tokens).gather(1, last[:, None])[:, 0]


def pair_loss(preferred: Tensor, other: Tensor) -> Tensor:
    """Return the mean over pairs of −log σ(r₁ − r₂), in nats: σ is the probability of the right order. (B,) each."""
    return -F.logsigmoid(preferred - other).mean()
