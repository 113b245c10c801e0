"""Figures that are drawn once for the same numbers: a class that opens one link sees the same picture thirty times."""

from collections.abc import Callable, Hashable, Mapping
from functools import lru_cache, wraps
from typing import Any

import numpy as np
import plotly.graph_objects as go

MOST = 128  # figures of one kind


def kept(draw: Callable[..., go.Figure]) -> Callable[..., go.Figure]:
    """Draw again only where the arguments differ. The figure is shared by all who ask for it: look, do not change."""

    @lru_cache(maxsize=MOST)
    def drawn(arguments: "Arguments") -> go.Figure:
        return draw(*arguments.given, **arguments.named)

    @wraps(draw)
    def ask(*given: Any, **named: Any) -> go.Figure:
        return drawn(Arguments(given, named))

    return ask


class Arguments:
    """The arguments of a call, equal where their contents are."""

    def __init__(self, given: tuple, named: dict[str, Any]) -> None:
        self.given, self.named = given, named
        self.content = content((given, named))

    def __hash__(self) -> int:
        return hash(self.content)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Arguments) and self.content == other.content


def content(value: Any) -> Hashable:
    """What two values have in common exactly if they are the same numbers, texts and types in the same places."""
    if isinstance(value, np.ndarray):
        return value.shape, value.dtype.str, value.tobytes()
    if isinstance(value, Mapping):
        return type(value), tuple((key, content(each)) for key, each in value.items())
    if isinstance(value, list | tuple):
        return type(value), tuple(map(content, value))
    return type(value), value
