"""Hooks: read the activations of a model, or replace them, without changing the model.

Many threads use one cached model at once. So no hook is registered on the module: hooks live in a context variable of
the calling thread, and a `HookPoint` looks them up there. Names and layouts are TransformerLens's.
"""

import difflib
import re
from bisect import bisect_left
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from fnmatch import translate
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

Hook = Callable[[Tensor, str], Tensor | None]
Names = str | Sequence[str] | None

_IN_A_LAYER = re.compile(r"blocks\.(\d+)\..*?\.?hook_(.+)")
_Named = tuple[str, Hook]  # the name of the hook point, and a hook there
_active: ContextVar[Mapping["HookPoint", tuple[_Named, ...]]] = ContextVar("active", default=MappingProxyType({}))


class HookPoint:
    """An identity at which the calling thread's hooks read or replace the value.

    It is no `nn.Module`: a call of a module that does nothing takes ten times as long as this one.
    """

    __slots__ = ()

    def __call__(self, value: Tensor) -> Tensor:
        for name, hook in _active.get().get(self, ()):
            replaced = hook(value, name)
            if replaced is not None:
                _check_shape(replaced, value.shape, name)
                value = replaced
        return value

    @property
    def is_hooked(self) -> bool:
        """Whether this thread has a hook here."""
        return self in _active.get()

    @property
    def may_change(self) -> bool:
        """Whether a hook of this thread may change the value here. A `Recorder` does not."""
        return any(not isinstance(hook, Recorder) for _, hook in _active.get().get(self, ()))


class Recorder:
    """A hook that keeps what it reads, name → activation, and changes nothing."""

    def __init__(self) -> None:
        self.activations: dict[str, Tensor] = {}

    def __call__(self, value: Tensor, name: str) -> None:
        self.activations[name] = value


def _check_shape(replaced: Any, shape: torch.Size, name: str) -> None:
    if not isinstance(replaced, Tensor) or replaced.shape != shape:
        returned = tuple(replaced.shape) if isinstance(replaced, Tensor) else type(replaced).__name__
        raise ValueError(f"the hook at {name} returned {returned}; return a tensor of shape {tuple(shape)}, or None")


class _Points:
    """The hook points of a model, found by name; a pattern searches only the names that begin as it does."""

    def __init__(self, model: nn.Module) -> None:
        self.modules = _list_modules(model)
        self.named = {
            f"{module_name}.{name}".lstrip("."): point
            for module_name, module in model.named_modules()
            for name, point in vars(module).items()
            if isinstance(point, HookPoint)
        }
        self.place = {name: i for i, name in enumerate(self.named)}
        self.ascending = sorted(self.named)

    def matching(self, wanted: str) -> list[str]:
        """Return the names that match, in the order of `named`. Raises ValueError, with near matches, if none does."""
        names = [wanted] if wanted in self.named else self._search(wanted)
        if not names:
            known = list(self.named)
            near = difflib.get_close_matches(wanted, known, n=3, cutoff=0.4) or known[:3]
            hint = f"near it: {', '.join(near)}" if near else "this model has none"
            raise ValueError(f"no hook point is called {wanted!r}; {hint}")
        return names

    def _search(self, wanted: str) -> list[str]:
        beginning = re.split(r"[*?\[]", wanted, maxsplit=1)[0]
        first, last = (bisect_left(self.ascending, end) for end in (beginning, beginning + "\U0010ffff"))
        names = filter(re.compile(translate(wanted)).match, self.ascending[first:last])
        return sorted(names, key=self.place.__getitem__)


class ActivationCache(Mapping[str, Tensor]):
    """The activations of one forward pass: hook name → tensor, read-only.

    `cache["blocks.1.attn.hook_pattern"]`, or, as in TransformerLens, `cache["pattern", 1]`.
    """

    def __init__(self, activations: Mapping[str, Tensor]) -> None:
        self._activations = MappingProxyType(dict(activations))

    @cached_property
    def _full_names(self) -> dict[tuple[str, str], list[str]]:
        """(short, layer) → full names."""
        full_names: dict[tuple[str, str], list[str]] = {}
        for name in self._activations:
            if parts := _IN_A_LAYER.fullmatch(name):
                full_names.setdefault((parts[2], parts[1]), []).append(name)
        return full_names

    def __getitem__(self, key: str | tuple[str, int]) -> Tensor:
        if isinstance(key, tuple):
            short, layer = key
            names = self._full_names.get((short, str(layer)), [])
            if len(names) > 1:
                raise KeyError(f"{short!r} of layer {layer} may be {' or '.join(names)}; give the full name")
            key = names[0] if names else f"blocks.{layer}.…hook_{short}"
        if key not in self._activations:
            raise KeyError(f"{key} was not kept; kept were {', '.join(self) or 'none'}")
        return self._activations[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._activations)

    def __len__(self) -> int:
        return len(self._activations)

    def __repr__(self) -> str:
        return "\n".join(f"{name} {shape}" for name, shape in self.shapes.items())

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """name → shape."""
        return {name: tuple(value.shape) for name, value in self.items()}

    def numpy(self) -> dict[str, np.ndarray]:
        """Return all activations as arrays on the CPU, detached from any graph."""
        return {name: value.detach().float().cpu().numpy() for name, value in self.items()}


class HookedModule(nn.Module):
    """A module whose hook points are found by name."""

    _points: _Points | None = None

    def _find_points(self) -> _Points:
        """Return the hook points; they are looked for once, and again if a module was replaced."""
        modules = _list_modules(self)
        if self._points is None or self._points.modules != modules:
            self._points = _Points(self)
        return self._points

    @property
    def hook_points(self) -> dict[str, HookPoint]:
        """name → hook point, module by module."""
        return dict(self._find_points().named)

    def match_hook_names(self, names: Names = None) -> list[str]:
        """Return the full names that match. names: one or several, each may have a `*`; None matches all.

        Raises ValueError, with near matches, if a name matches nothing.
        """
        points = self._find_points()
        if names is None:
            return list(points.named)
        wanted = [names] if isinstance(names, str) else names
        return list(dict.fromkeys(name for each in wanted for name in points.matching(each)))

    @property
    def is_hooked(self) -> bool:
        """Whether this thread has a hook at any of its points."""
        active = _active.get()
        return bool(active) and any(point in active for point in self._find_points().named.values())

    @contextmanager
    def hooks(self, hooks: Mapping[str, Hook]) -> Generator[None]:
        """Call these hooks within this context, in this thread only. Contexts may nest.

        hooks: name (may have a `*`) → fn(value, name) → tensor of the same shape, or None to keep the value.
        """
        points = self._find_points()
        active = dict(_active.get())
        for wanted, hook in hooks.items():
            for name in (wanted,) if wanted in points.named else points.matching(wanted):
                point = points.named[name]
                active[point] = (*active.get(point, ()), (name, hook))
        token = _active.set(MappingProxyType(active))
        try:
            yield
        finally:
            _active.reset(token)

    def run_with_hooks(self, idx: Tensor | tuple[Tensor, ...], hooks: Mapping[str, Hook]) -> Tensor:
        """Run one forward pass with `hooks` → logits (B, T, vocab_size).

        idx: ids (B, T), or a tuple of all arguments.
        """
        with self.hooks(hooks):
            return self(*idx) if isinstance(idx, tuple) else self(idx)

    def run_with_cache(self, idx: Tensor | tuple[Tensor, ...], names: Names = None) -> tuple[Tensor, ActivationCache]:
        """Run one forward pass → (logits, activations at `names`; None: at all). idx: as in `run_with_hooks`."""
        recorder = Recorder()
        logits = self.run_with_hooks(idx, dict.fromkeys(self.match_hook_names(names), recorder))
        return logits, ActivationCache(recorder.activations)


def _list_modules(model: nn.Module) -> list[nn.Module]:
    """Return all modules, in a fifth of the time that `modules()` takes."""
    modules = [model]
    for module in modules:  # which grows
        modules.extend(vars(module)["_modules"].values())
    return modules
