"""Looking into a model, and changing what flows through it, without touching the model.

Many threads look at one cached model at once. So a hook is never registered on the module: what listens lives in a context
variable of the calling thread, and a `HookPoint` asks it. Names and layouts are TransformerLens's.
"""

import difflib
import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from fnmatch import translate
from types import MappingProxyType

import numpy as np
from torch import Tensor, nn

Hook = Callable[[Tensor, str], Tensor | None]
Names = str | Sequence[str] | None

_IN_A_LAYER = re.compile(r"blocks\.(\d+)\..*?\.?hook_(.+)")
_listening: ContextVar[Mapping["HookPoint", tuple[Hook, ...]]] = ContextVar("listening", default=MappingProxyType({}))


class HookPoint(nn.Module):
    """An identity that knows its full name, and lets the calling thread's hooks see or replace what passes."""

    name = ""

    def forward(self, value: Tensor) -> Tensor:
        for hook in _listening.get().get(self, ()):
            replaced = hook(value, self.name)
            if replaced is not None:
                found = tuple(replaced.shape) if isinstance(replaced, Tensor) else type(replaced).__name__
                if found != tuple(value.shape):
                    raise ValueError(
                        f"the hook at {self.name} returned {found}; return a tensor of shape {tuple(value.shape)}, or None"
                    )
                value = replaced
        return value

    @property
    def heard(self) -> bool:
        """Whether anybody in this thread listens here."""
        return self in _listening.get()


class _Names:
    """Names to search with patterns: a pattern reads only the names that begin as it does."""

    def __init__(self, known: Sequence[str]) -> None:
        self.known = known
        self.place = {name: i for i, name in enumerate(known)}
        self.ascending = sorted(known)

    def matching(self, wanted: str) -> list[str]:
        """The names that match, in the order of `known`. Raises ValueError, with near matches, where there are none."""
        found = [wanted] if wanted in self.place else self._search(wanted)
        if not found:
            near = difflib.get_close_matches(wanted, self.known, n=3, cutoff=0.4) or self.known[:3]
            hint = f"near it: {', '.join(near)}" if near else "this model has none"
            raise ValueError(f"no hook point is called {wanted!r}; {hint}")
        return found

    def _search(self, wanted: str) -> list[str]:
        beginning = re.split(r"[*?\[]", wanted, maxsplit=1)[0]
        first, last = (bisect_left(self.ascending, end) for end in (beginning, beginning + "\U0010ffff"))
        found = filter(re.compile(translate(wanted)).match, self.ascending[first:last])
        return sorted(found, key=self.place.__getitem__)


class ActivationCache(Mapping[str, Tensor]):
    """What passed the hook points during one forward pass: name → tensor, read-only.

    `cache["blocks.1.attn.hook_pattern"]`, or short, as in TransformerLens, `cache["pattern", 1]`.
    """

    def __init__(self, activations: Mapping[str, Tensor]) -> None:
        self._activations = MappingProxyType(dict(activations))
        self._full_names: dict[tuple[str, str], list[str]] = {}  # (short, layer) → full names
        for name in self._activations:
            if found := _IN_A_LAYER.fullmatch(name):
                self._full_names.setdefault((found[2], found[1]), []).append(name)

    def __getitem__(self, key: str | tuple[str, int]) -> Tensor:
        if isinstance(key, tuple):
            short, layer = key
            found = self._full_names.get((short, str(layer)), [])
            if len(found) > 1:
                raise KeyError(f"{short!r} of layer {layer} may be {' or '.join(found)}; give the full name")
            key = found[0] if found else f"blocks.{layer}.…hook_{short}"
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
        """All activations as arrays on the CPU, detached from any graph."""
        return {name: value.detach().float().cpu().numpy() for name, value in self.items()}


class HookedModule(nn.Module):
    """A module whose hook points can be listened to by name."""

    def name_hook_points(self) -> None:
        """Tell every hook point its full name. Call once, when all submodules exist."""
        for name, point in self.hook_points.items():
            point.name = name

    @property
    def hook_points(self) -> dict[str, HookPoint]:
        """name → hook point, in the order of the forward pass's definition."""
        return {name: module for name, module in self.named_modules() if isinstance(module, HookPoint)}

    def match_hook_names(self, names: Names = None) -> list[str]:
        """The full names that match: one name, several, each perhaps with `*`; None is all.

        Raises ValueError, with near matches, on a name that matches nothing.
        """
        known = _Names(list(self.hook_points))
        if names is None:
            return list(known.known)
        wanted = [names] if isinstance(names, str) else names
        return list(dict.fromkeys(name for each in wanted for name in known.matching(each)))

    @property
    def is_hooked(self) -> bool:
        """Whether a hook of this thread is at any of its points."""
        listening = _listening.get()
        return bool(listening) and any(point in listening for point in self.hook_points.values())

    @contextmanager
    def hooks(self, hooks: Mapping[str, Hook]) -> Iterator[None]:
        """Within this context, and in this thread only, each named point calls its hook. Contexts may nest.

        hooks: name (may hold `*`) → fn(value, name) → tensor of the same shape, or None to leave the value as it is.
        """
        points = self.hook_points
        known = _Names(list(points))
        listening = dict(_listening.get())
        for wanted, hook in hooks.items():
            for name in known.matching(wanted):
                listening[points[name]] = (*listening.get(points[name], ()), hook)
        token = _listening.set(MappingProxyType(listening))
        try:
            yield
        finally:
            _listening.reset(token)

    def run_with_hooks(self, idx: Tensor | tuple[Tensor, ...], hooks: Mapping[str, Hook]) -> Tensor:
        """One forward pass under `hooks` → logits (B, T, vocab_size). idx: ids (B, T), or all that the forward pass takes."""
        with self.hooks(hooks):
            return self(*idx) if isinstance(idx, tuple) else self(idx)

    def run_with_cache(self, idx: Tensor | tuple[Tensor, ...], names: Names = None) -> tuple[Tensor, ActivationCache]:
        """One forward pass → (logits, the activations at `names`; None keeps all). idx: as `run_with_hooks` takes it."""
        kept: dict[str, Tensor] = {}

        def keep(value: Tensor, name: str) -> None:
            kept[name] = value

        logits = self.run_with_hooks(idx, dict.fromkeys(self.match_hook_names(names), keep))
        return logits, ActivationCache(kept)
