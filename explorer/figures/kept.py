"""Draw a figure once for the same numbers: a class of thirty that opens one link asks thirty times."""

from collections.abc import Callable, Hashable, Mapping
from functools import lru_cache, wraps
from typing import Any

import numpy as np
import plotly.graph_objects as go

MOST = 128  # figures of one kind


def kept(draw: Callable[..., go.Figure]) -> Callable[..., go.Figure]:
    """Cache a drawing function by its arguments. All callers share the figure, so do not change it."""

    @lru_cache(maxsize=MOST)
    def drawn(arguments: "Arguments") -> go.Figure:
        return draw(*arguments.given, **arguments.named)

    @wraps(draw)
    def ask(*given: Any, **named: Any) -> go.Figure:
        return drawn(Arguments(given, named))

    return ask


class Arguments:
    """The arguments of a call; two are equal if their contents are."""

    def __init__(self, given: tuple, named: dict[str, Any]) -> None:
        self.given, self.named = given, named
        self.content = content((given, named))

    def __hash__(self) -> int:
        return hash(self.content)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Arguments) and self.content == other.content


def content(value: Any) -> Hashable:
    """Return a key that two values share if and only if they hold the same numbers, texts and types in the same
    places.
    """
    if isinstance(value, np.ndarray):
        return value.shape, value.dtype.str, value.tobytes()
    if isinstance(value, Mapping):
        return type(value), tuple((key, content(each)) for key, each in value.items())
    if isinstance(value, list | tuple):
        return type(value), tuple(map(content, value))
    return type(value), value
