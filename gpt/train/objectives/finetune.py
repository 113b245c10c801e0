"""Finetuning: pretraining's loss, on demonstrations, at the tokens of the answers alone.

Source: lecture 01:48:53; Ouyang et al. 2022, arXiv:2203.02155, section 3.5.
"""

import torch
from torch import Tensor, nn

from gpt.train.objectives.answers import log_probs_of, take, token_logits
from gpt.train.objectives.stage import Stage
from gpt.train.run import Run


class Finetune(Stage):
    """Answer as the demonstrations do."""

    def __init__(self, run: Run, device: torch.device) -> None:
        super().__init__(run, device)
        self.demonstrations, self.unseen = self.tensors(self.exchanges), self.tensors(self.held_out)

    def draw(self, model: nn.Module, generator: torch.Generator) -> tuple[Tensor, ...]:
        rows = torch.randint(len(self.exchanges), (self.recipe.batch_size,), generator=generator)
        return take(self.demonstrations, rows)

    def loss(self, model: nn.Module, *batch: Tensor) -> Tensor:
        """Nats a token of an answer; every answer counts alike. batch: tokens and is_answer, (B, T) each."""
        tokens, is_answer = batch
        log_probs = log_probs_of(token_logits(model, tokens), tokens, is_answer)
        return -(log_probs.sum(1) / is_answer.sum(1)).mean()

    @torch.no_grad()
    def evaluate(self, model: nn.Module) -> dict[str, float]:
        model.eval()
        loss = self.loss(model, *(tensor.to(self.device) for tensor in self.unseen)).item()
        model.train()
        return {"val_loss": loss, "preference": self.mean_preference(*self.draw_held_out(model))}
