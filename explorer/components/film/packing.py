"""The film's wire format: uint32 length of the header, the header as JSON, then one byte a weight, snapshot after snapshot."""

import json
import struct
from typing import Any

import numpy as np

LEVELS = 255  # a weight w travels as LEVELS · √w, which is the opacity that it is painted with


def encode(patterns: np.ndarray, *, causal: bool) -> np.ndarray:
    """Patterns (n_layer, n_head, T, T) of probabilities → (n_layer, n_head, cells) uint8; NaN becomes 0.

    cells: T · (T + 1) / 2 of the lower triangle, row after row, where causal, else T · T. A weight is off by at most 0.4 % of 1.

    >>> encode(np.array([[[[1.0, 0.0], [0.25, 0.75]]]]), causal=True).tolist()
    [[[255, 128, 221]]]
    """
    weights = (
        patterns[(..., *np.tril_indices(patterns.shape[-1]))] if causal else patterns.reshape(*patterns.shape[:2], -1)
    )
    return np.rint(np.sqrt(np.clip(np.nan_to_num(weights), 0, 1)) * LEVELS).astype(np.uint8)


def cells(T: int, *, causal: bool) -> int:
    """Bytes of one head's pattern on T tokens."""
    return T * (T + 1) // 2 if causal else T * T


def pack(header: dict[str, Any], codes: np.ndarray) -> bytes:
    """Header and codes as one message. Raises ValueError where the header is no JSON."""
    encoded = json.dumps(header, allow_nan=False).encode()
    return struct.pack("<I", len(encoded)) + encoded + codes.tobytes()


def unpack(message: bytes) -> tuple[dict[str, Any], np.ndarray]:
    """What was packed: the header, and the codes in one row."""
    (length,) = struct.unpack_from("<I", message)
    return json.loads(message[4 : 4 + length]), np.frombuffer(message, np.uint8, offset=4 + length)
