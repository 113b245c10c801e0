"""What the stages after pretraining share: questions and answers to train on, others to validate with.

Source: lecture 01:48:53.
"""

from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor

from gpt.model.gpt import GPT
from gpt.text.dialogue import Exchange, exchanges_in, preference, prompt_of, split
from gpt.train.files import RunError
from gpt.train.objectives.answers import as_tensors, draw_answers, texts_of
from gpt.train.objectives.objective import Metric, Objective

if TYPE_CHECKING:
    from gpt.train.run import Run

EVAL_SEED = 4242
SHOWN = 4  # validation questions that a sample answers
PREFERENCE = Metric("preference", "stated preference", "0 to 4")
ACCURACY = Metric("accuracy", "share of pairs in the right order")
KL = Metric("kl", "KL from the reference", "nats per answer")


class Stage(Objective[GPT]):
    """An objective on questions and answers, in the format of `gpt.text.dialogue`."""

    chapter = "1:48:53"

    def __init__(self, run: "Run", device: torch.device) -> None:
        super().__init__(run, device)
        self.exchanges, self.validation = split(exchanges_in(run.corpus().text))
        if not self.exchanges or not self.validation:
            raise RunError(
                f"the text {run.recipe.text!r} has {len(self.exchanges)} answers to train on and "
                f"{len(self.validation)} to validate with; "
                'write each as "Question:", "Answer:" and a blank line after either, as in the text '
                '"dialogues"'
            )
        self.questions, self.validation_questions = (
            list(dict.fromkeys(exchange.question for exchange in part)) for part in (self.exchanges, self.validation)
        )

    def tensors(self, exchanges: list[Exchange]) -> tuple[Tensor, Tensor]:
        """Encode answers as tokens and is_answer, (B, T) each."""
        return as_tensors(exchanges, self.tokenizer, self.recipe.model.block_size)

    def frozen_model(self, role: str) -> GPT:
        """Load a frozen model of this run, as it was when the run was made."""
        return cast(GPT, self.run.frozen_model(role)).to(self.device)

    def answer_validation_questions(self, model: GPT) -> tuple[Tensor, Tensor]:
        """Let the model answer the first validation questions, the same draw each time.

        Returns tokens and is_answer, on the CPU.
        """
        model.eval()
        generator = torch.Generator().manual_seed(EVAL_SEED)
        questions = self.validation_questions[: self.recipe.eval_batches]
        answers = draw_answers(model, questions, self.tokenizer, generator)
        model.train()
        return answers

    def mean_preference(self, tokens: Tensor, is_answer: Tensor) -> float:
        """Return the mean `preference` for the answers of `answer_validation_questions`."""
        answers = texts_of(tokens, is_answer, self.tokenizer)
        scores = [preference(*pair) for pair in zip(self.validation_questions, answers, strict=False)]
        return sum(scores) / len(scores)

    def sample(self, model: GPT) -> dict[str, Any]:
        """Let the model answer some validation questions."""
        model.eval()
        seed, questions = self.recipe.seed, self.validation_questions[:SHOWN]
        answers = draw_answers(model, questions, self.tokenizer, torch.Generator().manual_seed(seed))
        model.train()
        texts = texts_of(*answers, self.tokenizer)
        text = "".join(prompt_of(question) + answer for question, answer in zip(questions, texts, strict=True))
        return {"prompt": "", "seed": seed, "text": text}
