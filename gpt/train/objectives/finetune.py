"""Finetuning: the loss of pretraining, on demonstrations, counted only at the tokens of answers.

Source: lecture 01:48:53; Ouyang et al. 2022, arXiv:2203.02155, section 3.5.
"""

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from gpt.model.gpt import GPT
from gpt.train.objectives.answers import log_probs_of, take, token_logits
from gpt.train.objectives.objective import OPTIMIZATION, losses
from gpt.train.objectives.stage import PREFERENCE, Stage

if TYPE_CHECKING:
    from gpt.train.run import Run


class Finetune(Stage):
    """Answer as the demonstrations do."""

    name = "finetune"
    loss_unit = "nats per token"
    metrics = (*losses(loss_unit), PREFERENCE, *OPTIMIZATION)

    def __init__(self, run: "Run", device: torch.device) -> None:
        super().__init__(run, device)
        self.demonstrations = self.tensors(self.exchanges)
        self.validation_answers = self.tensors(self.validation)

    def draw(self, model: GPT, generator: torch.Generator) -> tuple[Tensor, ...]:
        rows = torch.randint(len(self.exchanges), (self.recipe.batch_size,), generator=generator)
        return take(self.demonstrations, rows)

    def loss(self, model: GPT, *batch: Tensor) -> Tensor:
        """Compute nats per token of an answer; each answer has the same weight.

        batch: tokens and is_answer, (B, T) each.
        """
        tokens, is_answer = batch
        log_probs = log_probs_of(token_logits(model, tokens), tokens, is_answer)
        return -(log_probs.sum(1) / is_answer.sum(1)).mean()

    @torch.no_grad()
    def evaluate(self, model: GPT) -> dict[str, float]:
        model.eval()
        loss = self.loss(model, *(tensor.to(self.device) for tensor in self.validation_answers)).item()
        model.train()
        return {"val_loss": loss, "preference": self.mean_preference(*self.answer_validation_questions(model))}
