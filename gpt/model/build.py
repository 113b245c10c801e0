"""The model that a config describes."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from gpt.model.bigram import Bigram
from gpt.model.config import GPTConfig, ObjectiveName
from gpt.model.gpt import GPT
from gpt.model.reward import RewardModel
from gpt.model.seq2seq import Seq2Seq


def build_model(config: GPTConfig, objective: ObjectiveName = "language") -> GPT | Bigram | Seq2Seq:
    """`Seq2Seq` for "translation", `RewardModel` for "reward"; else `Bigram` for `n_layer=0`, and `GPT`.

    Raises ValueError as these do.
    """
    if objective == "translation":
        return Seq2Seq(config)
    if objective == "reward":
        return RewardModel(config)
    return Bigram(config) if config.n_layer == 0 else GPT(config)


class _WithoutDrawing(TorchFunctionMode):
    """Draw no random numbers: on the meta device, torch imports 800 modules for that, which takes seconds."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func in (torch.nn.init.normal_, torch.Tensor.normal_):
            return args[0] if args else (kwargs or {})["tensor"]
        if func is torch.randn:
            func = torch.empty
        return func(*args, **kwargs or {})


@contextmanager
def without_memory() -> Generator[None]:
    """Build models without memory inside this context: on torch's meta device they have shapes, but no numbers."""
    with torch.device("meta"), _WithoutDrawing():
        yield
