"""The old names of explorer/opened.py and its neighbours, until every caller passes an `Opened`."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

from explorer.opened import (  # noqa: F401
    DEFAULT,
    OWN,
    ROOT,
    SHIPPED,
    Identity,
    Opened,
    folder_of,
    open_model,
    open_run,
    references,
    runs_folder,
)
from explorer.shared import model_list, patterns, prompt, sampling
from explorer.shared.model_list import SPEECHLESS  # noqa: F401
from explorer.shared.outline import outline, stamp  # noqa: F401
from explorer.shared.patterns import COPIES, MOST_PATTERNS, N_TOP  # noqa: F401
from explorer.shared.prompt import Reading, stand_in_of  # noqa: F401
from explorer.shared.sampling import Drawn, Sampling  # noqa: F401


def opened_of(model: Opened | str, step: int | None = None) -> Opened:
    if isinstance(model, Opened):
        return model if step is None else model.at(step)
    return open_model(model, step)


def by_reference(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let the function take a reference in place of an `Opened`."""

    @wraps(function)
    def open_first(model: Opened | str, *rest: Any, **more: Any) -> Any:
        return function(opened_of(model), *rest, **more)

    return open_first


def load_run(ref: Any) -> Any:
    return ref.run if isinstance(ref, Opened) else open_run(ref)


def load_model(ref: Any, step: int | None = None) -> Any:
    return opened_of(ref, step).model


def identity(run: Any, step: int | None = None) -> Identity:
    return Opened.of(run, step).identity


models = references


def prompted() -> list[str]:
    return list(model_list.prompted())


def translators() -> list[str]:
    return [ref for ref, listed in model_list.models().items() if listed.translates]


def describe(ref: str) -> str:
    try:
        return model_list.Listed(ref, outline(folder_of(ref))).label
    except ValueError:  # deleted in the meantime
        return ref


read = by_reference(prompt.read)
pattern_bytes = by_reference(patterns.pattern_bytes)
layers_that_fit = by_reference(patterns.layers_that_fit)
tokens_that_fit = by_reference(patterns.tokens_that_fit)


def attention(
    ref: Any, ids: tuple[int, ...], step: int | None = None, layers: tuple[int, ...] | None = None
) -> np.ndarray:
    return patterns.attention(opened_of(ref, step), ids, layers)


def next_token(ref: Any, ids: tuple[int, ...], step: int | None = None) -> tuple[tuple[str, ...], np.ndarray]:
    return patterns.next_token(opened_of(ref, step), ids)


def continuation(ref: Any, ids: tuple[int, ...], how: Sampling, step: int | None = None) -> Any:
    return sampling.continuation(opened_of(ref, step), ids, how)


def text_of(ref: Any, ids: tuple[int, ...]) -> str:
    return opened_of(ref).tokenizer.decode(ids)
