"""Predict the next token of a text. Source: lecture 00:34:53."""

from typing import Any

import torch
from torch import Tensor, nn

from gpt.generate import generate
from gpt.model.gpt import loss_of
from gpt.text.batches import check_length, draw_batch, split_ids
from gpt.train.recipe import Recipe
from gpt.train.run import Run

SAMPLE_TOKENS = 200
EVAL_SEED = 4242


class Language:
    """Predict the next token of a text, whose first 90 % are trained on. Source: lecture 00:34:53."""

    def __init__(self, run: Run, device: torch.device) -> None:
        self.run, self.recipe, self.device = run, run.recipe, device
        text = run.corpus().text
        ids = run.tokenizer.encode(text)
        check_length(len(ids), len(text), self.recipe.model.block_size)
        self.train_ids, self.val_ids = split_ids(ids)

    def draw(self, model: nn.Module, generator: torch.Generator) -> tuple[Tensor, ...]:
        return draw_batch(self.train_ids, self.recipe.batch_size, self.recipe.model.block_size, generator)

    def loss(self, model: nn.Module, *batch: Tensor) -> Tensor:
        x, y = batch  # (B, T) each
        return loss_of(model(x), y)

    def evaluate(self, model: nn.Module) -> dict[str, float]:
        return {"val_loss": estimate_loss(model, self.val_ids, self.recipe)}

    def sample(self, model: nn.Module) -> dict[str, Any]:
        prompt, tokenizer, seed = self.train_ids[:1], self.run.tokenizer, self.recipe.seed
        model.eval()
        steps = generate(model, prompt.to(self.device), SAMPLE_TOKENS, seed=seed)
        text = tokenizer.decode([step.token for step in steps])
        model.train()
        return {"prompt": tokenizer.decode(prompt.tolist()), "seed": seed, "text": text}


@torch.no_grad()
def estimate_loss(model: nn.Module, ids: Tensor, recipe: Recipe) -> float:
    """Mean loss in nats per token over `recipe.eval_batches` random batches, the same at every call. ids: (N,).

    Source: lecture 00:38:00.
    """
    was_training = model.training
    model.eval()
    generator = torch.Generator().manual_seed(EVAL_SEED)
    device = next(model.parameters()).device
    losses = []
    for _ in range(recipe.eval_batches):
        x, y = draw_batch(ids, recipe.batch_size, recipe.model.block_size, generator)
        losses.append(loss_of(model(x.to(device)), y.to(device)).item())
    model.train(was_training)
    return sum(losses) / len(losses)
