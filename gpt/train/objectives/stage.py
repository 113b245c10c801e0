"""What the stages after pretraining share: questions and answers to train on, others to be measured with, models kept beside.

Source: lecture 01:48:53.
"""

from typing import Any

import torch
from torch import Tensor, nn

from gpt.model.gpt import GPT
from gpt.text.dialogue import Exchange, exchanges_in, preference, prompt_of, split
from gpt.train.objectives.answers import as_tensors, draw_answers, texts_of
from gpt.train.run import Run, RunError, load_run

EVAL_SEED = 4242
SHOWN = 4  # held-out questions that a sample answers


class Stage:
    """One stage of training on a text that is written as `gpt.text.dialogue` writes it."""

    def __init__(self, run: Run, device: torch.device) -> None:
        self.run, self.recipe, self.device, self.tokenizer = run, run.recipe, device, run.tokenizer
        self.exchanges, self.held_out = split(exchanges_in(run.corpus().text))
        if not self.exchanges or not self.held_out:
            raise RunError(
                f"the text {run.recipe.text!r} has {len(self.exchanges)} answers to train on and {len(self.held_out)} to other "
                'questions; write each as "Question:", "Answer:" and a blank line after either, as in the text "dialogues"'
            )
        self.questions, self.held_out_questions = (
            list(dict.fromkeys(exchange.question for exchange in part)) for part in (self.exchanges, self.held_out)
        )

    def tensors(self, exchanges: list[Exchange]) -> tuple[Tensor, Tensor]:
        """Written answers as tokens and is_answer, (B, T) each."""
        return as_tensors(exchanges, self.tokenizer, self.recipe.model.block_size)

    def kept(self, role: str) -> GPT:
        """A model that this stage leans on, as it was when the run was made."""
        return load_run(self.run.kept_path(role)).model().to(self.device)

    def draw_held_out(self, model: nn.Module) -> tuple[Tensor, Tensor]:
        """An answer to each of the first held-out questions, the same draw each time: tokens and is_answer, on the CPU."""
        model.eval()
        generator = torch.Generator().manual_seed(EVAL_SEED)
        questions = self.held_out_questions[: self.recipe.eval_batches]
        drawn = draw_answers(model, questions, self.tokenizer, generator)
        model.train()
        return drawn

    def mean_preference(self, tokens: Tensor, is_answer: Tensor) -> float:
        """The mean of `preference` over the answers of `draw_held_out`."""
        answers = texts_of(tokens, is_answer, self.tokenizer)
        scores = [preference(*pair) for pair in zip(self.held_out_questions, answers, strict=False)]
        return sum(scores) / len(scores)

    def sample(self, model: nn.Module) -> dict[str, Any]:
        """Its answers to some held-out questions."""
        model.eval()
        seed, questions = self.recipe.seed, self.held_out_questions[:SHOWN]
        drawn = draw_answers(model, questions, self.tokenizer, torch.Generator().manual_seed(seed))
        model.train()
        answers = texts_of(*drawn, self.tokenizer)
        text = "".join(prompt_of(question) + answer for question, answer in zip(questions, answers, strict=True))
        return {"prompt": "", "seed": seed, "text": text}
