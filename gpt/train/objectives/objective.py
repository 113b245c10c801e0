"""What every objective has: traits, batches, a loss, a measurement, and a sample."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

import torch
from torch import Tensor

from gpt.model.bigram import Bigram
from gpt.model.build import ModelKind
from gpt.model.gpt import GPT
from gpt.model.seq2seq import Seq2Seq

if TYPE_CHECKING:
    from gpt.train.recipe import Recipe
    from gpt.train.run import Run

ModelT = TypeVar("ModelT", bound=Bigram | GPT | Seq2Seq)


@dataclass(frozen=True)
class Metric:
    """A number that a run logs, and that the app draws over the steps."""

    name: str  # its key in a row of metrics.jsonl
    label: str
    unit: str = ""

    @property
    def title(self) -> str:
        """The label with its unit."""
        return f"{self.label}, {self.unit}" if self.unit else self.label


OPTIMIZATION = (Metric("lr", "learning rate"), Metric("grad_norm", "gradient norm"))  # of every run, from its optimizer


def losses(unit: str) -> tuple[Metric, Metric]:
    """The training loss and the validation loss: two curves of one figure."""
    return Metric("train_loss", "training loss", unit), Metric("val_loss", "validation loss", unit)


class Objective(ABC, Generic[ModelT]):
    """What a run learns. A run in training has one object; the class says what is known without one.

    Models come in training mode and go back in it. Raises ValueError where the run's text does not suit the
    objective.
    """

    name: ClassVar[str]  # as in `Recipe.objective`
    chapter: ClassVar[str]  # of the lecture, h:mm:ss
    kind: ClassVar[ModelKind] = GPT  # the model that it trains, as `build_model` takes it
    loss_unit: ClassVar[str]  # "" where the loss does not measure quality
    metrics: ClassVar[tuple[Metric, ...]]  # what its runs log, in the order of drawing
    continues_prompt: ClassVar[bool] = True
    translates: ClassVar[bool] = False
    compares_with_bigram: ClassVar[bool] = False  # whether a counted bigram has a loss on the same validation text
    frozen: ClassVar[tuple[str, ...]] = ()  # roles of the frozen models that it needs: "reference", "reward"
    texts_per_example: ClassVar[int] = 1
    draws_from_model: ClassVar[bool] = False  # whether a batch depends on the weights, and so cannot be drawn again
    new_layer: ClassVar[str] = ""  # the layer that a stage does not take from its parent

    def __init__(self, run: "Run", device: torch.device) -> None:
        self.run, self.recipe, self.device, self.tokenizer = run, run.recipe, device, run.tokenizer

    @abstractmethod
    def draw(self, model: ModelT, generator: torch.Generator) -> tuple[Tensor, ...]:
        """Draw the next batch, the same in every process: tensors whose first axis is the examples, on the CPU."""

    @abstractmethod
    def loss(self, model: ModelT, *batch: Tensor) -> Tensor:
        """Compute the mean loss of a batch, or of some of its examples, on the model's device."""

    @abstractmethod
    def evaluate(self, model: ModelT) -> dict[str, float]:
        """Measure the model: name of a metric → number."""

    @abstractmethod
    def sample(self, model: ModelT) -> dict[str, Any]:
        """Let the model write: `prompt`, `seed` and `text`, the same draw each time.

        Raises ValueError where logits are not finite.
        """

    @classmethod
    def evaluation_batches(cls, recipe: "Recipe") -> int:
        """Say how many batches one evaluation costs, roughly."""
        return 1

    @staticmethod
    def n_choices(vocab_size: int) -> int:
        """Say among how many choices a uniform guess has this loss: its loss is the logarithm of that."""
        return vocab_size

    @staticmethod
    def quality(measured: Mapping[str, float]) -> float:
        """Return one number to compare models of a run by, the larger the better; NaN where the row has none."""
        return -measured.get("val_loss", math.nan)
