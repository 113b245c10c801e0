"""The message to the browser: uint32 length of the header, the header as JSON, one byte per weight, by snapshot."""

import json
import struct
from typing import Any

import numpy as np

LEVELS = 255  # a weight w is sent as LEVELS · √w, the opacity of its colour


def encode(patterns: np.ndarray, *, causal: bool) -> np.ndarray:
    """Encode patterns (n_layer, n_head, T, T) as (n_layer, n_head, cells) uint8; NaN becomes 0.

    cells: if causal, the T · (T + 1) / 2 of the lower triangle, row after row; else T · T. The error is at most 0.004.

    >>> encode(np.array([[[[1.0, 0.0], [0.25, 0.75]]]]), causal=True).tolist()
    [[[255, 128, 221]]]
    """
    T = patterns.shape[-1]
    weights = patterns[(..., *np.tril_indices(T))] if causal else patterns.reshape(*patterns.shape[:2], T * T)
    return np.rint(np.sqrt(np.clip(np.nan_to_num(weights), 0, 1)) * LEVELS).astype(np.uint8)


def cells(T: int, *, causal: bool) -> int:
    """Return the bytes of one head's pattern on T tokens."""
    return T * (T + 1) // 2 if causal else T * T


def pack(header: dict[str, Any], codes: np.ndarray) -> bytes:
    """Join header and codes into one message. Raises ValueError if the header cannot be written as JSON."""
    encoded = json.dumps(header, allow_nan=False).encode()
    return struct.pack("<I", len(encoded)) + encoded + codes.tobytes()
