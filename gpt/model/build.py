"""The model that a config describes."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, overload

import torch
from torch.overrides import TorchFunctionMode

from gpt.model.bigram import Bigram
from gpt.model.config import GPTConfig
from gpt.model.gpt import GPT
from gpt.model.seq2seq import Seq2Seq

Model = GPT | Bigram | Seq2Seq
ModelKind = type[GPT] | type[Seq2Seq]  # `RewardModel` is a GPT


@overload
def build_model(config: GPTConfig) -> GPT | Bigram: ...
@overload
def build_model(config: GPTConfig, kind: ModelKind) -> Model: ...
def build_model(config: GPTConfig, kind: ModelKind = GPT) -> Model:
    """Build a model of this kind; a `GPT` with `n_layer=0` is a `Bigram`. Raises ValueError as the model does."""
    return Bigram(config) if kind is GPT and config.n_layer == 0 else kind(config)


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
