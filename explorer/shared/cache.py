"""The one cache of computed results. Streamlit keeps them for all sessions."""

from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from operator import attrgetter
from typing import Any, Literal, TypeVar, cast

import streamlit as st

Function = TypeVar("Function", bound=Callable[..., Any])


def cached(
    max_entries: int,
    max_size: str | None = None,
    *,
    shared: bool = False,
    by: Literal["identity", "text_identity"] = "identity",
) -> Callable[[Function], Function]:
    """Compute a function's result once for equal arguments, in all sessions.

    An `Opened` counts by its identity, or with by="text_identity" by the text that it was trained on.
    All other arguments count by their value.
    shared: every caller gets the same object, which nobody may change; otherwise each gets a copy.
    """
    keys: dict[Any, Any] = {"explorer.opened.Opened": attrgetter(by)}
    limits: dict[str, Any] = {"max_entries": max_entries, "show_spinner": False, "hash_funcs": keys}
    decorate = st.cache_resource(**limits) if shared else st.cache_data(max_size=max_size, **limits)
    return cast("Callable[[Function], Function]", decorate)


def with_arrays(result: Any) -> Any:
    """The dataclass with arrays in place of tensors, also inside its tuples and dataclasses."""
    return replace(result, **{field.name: _with_array(getattr(result, field.name)) for field in fields(result)})


def _with_array(value: Any) -> Any:
    import torch

    if isinstance(value, torch.Tensor):
        return value.numpy()
    if is_dataclass(value):
        return with_arrays(value)
    if isinstance(value, tuple):
        items = map(_with_array, value)
        return type(value)(*items) if hasattr(value, "_fields") else tuple(items)
    return value
