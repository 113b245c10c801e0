"""The logit lens and the attribution of a logit, computed once for all sessions, with arrays in place of tensors."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from explorer.opened import Opened
from explorer.shared.cache import cached, with_arrays
from explorer.shared.patterns import N_TOP
from explorer.shared.progress import once

if TYPE_CHECKING:
    from gpt.lens.attribution import Attribution
    from gpt.lens.logits import LogitLens
    from gpt.lens.surprise import Progress

Ids = tuple[int, ...]


def logit_lens(opened: Opened, ids: Ids, rows: slice, points: tuple[str, ...] | None = None) -> "LogitLens":
    """The next token read off the stream at these positions; elsewhere NaN, or 0 in integers. points: None for all.

    A bar shows the point if it takes long.
    """
    kept = _lenses(opened, ids, rows.start, rows.stop, points)
    lens = once(kept, "Reading the stream, point", _read_lens, opened, ids, rows, points)

    def spread(values: np.ndarray) -> np.ndarray:
        whole = np.full(
            (values.shape[0], len(ids), *values.shape[2:]), np.nan if values.dtype.kind == "f" else 0, values.dtype
        )
        whole[:, rows.start : rows.start + values.shape[1]] = values
        return whole

    spreads = {name: spread(value) for name, value in vars(lens).items() if isinstance(value, np.ndarray)}
    return replace(lens, **spreads | {"rank": spreads["rank"][:, :-1]})


@cached(max_entries=48, shared=True)  # of up to 2.5 MB: 20 positions at the 61 points of 30 layers
def _lenses(opened: Opened, ids: Ids, start: int, stop: int, points: tuple[str, ...] | None) -> "list[LogitLens]":
    return []


def _read_lens(
    opened: Opened, ids: Ids, rows: slice, points: tuple[str, ...] | None, progress: "Progress"
) -> "LogitLens":
    import torch

    from gpt.lens.logits import logit_lens

    return with_arrays(logit_lens(opened.model, torch.tensor(ids), N_TOP, rows, points, progress))


@cached(max_entries=256)
def attribute(opened: Opened, ids: Ids, token: int, against: int | None, position: int) -> "Attribution":
    """The logit of a token, or its lead over another, split among the parts. Raises ValueError if it does not split."""
    import torch

    from gpt.lens.attribution import attribute_logit

    return with_arrays(attribute_logit(opened.model, torch.tensor(ids), token, against, position))
