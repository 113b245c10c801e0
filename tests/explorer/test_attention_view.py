import json
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from explorer.attention_view import _agree, _head_of, _Lock, pack, sharpest

SCRIPT = Path(__file__).parents[1] / "browser" / "attention_script.py"


def unpack(blob: bytes) -> tuple[dict, np.ndarray]:
    """The wire format, read as it is documented: (header, weights with NaN where nothing was sent)."""
    (length,) = struct.unpack_from("<I", blob)
    header = json.loads(blob[4 : 4 + length])
    weights = (np.frombuffer(blob, "<u2", offset=4 + length) / 65535.0) ** 3
    T = len(header["tokens"])
    patterns = np.full((header["layers"], header["heads"], T, T), np.nan)
    there = np.tri(T, dtype=bool) if header["causal"] else np.ones((T, T), dtype=bool)
    patterns[:, :, there] = weights.reshape(header["layers"], header["heads"], -1)
    return header, patterns


def random_patterns(n_layer: int, n_head: int, T: int, causal: bool, seed: int = 0, sharpness: float = 3) -> np.ndarray:
    scores = np.random.default_rng(seed).normal(size=(n_layer, n_head, T, T)) * sharpness
    weights = np.exp(scores - scores.max(-1, keepdims=True)) * (np.tri(T) if causal else 1)
    return (weights / weights.sum(-1, keepdims=True)).astype(np.float32)


def packed(patterns: np.ndarray, causal: bool = True, tokens: list[str] | None = None, **kwargs) -> bytes:
    tokens = ["a"] * patterns.shape[-1] if tokens is None else tokens
    return pack(patterns, tokens, causal=causal, options={}, **kwargs)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 4),
    st.integers(1, 4),
    st.integers(1, 24),
    st.booleans(),
    st.integers(0, 99),
    st.sampled_from([0.1, 3, 12]),
)
def test_every_weight_arrives_to_four_decimals_and_small_ones_to_three_digits(n_layer, n_head, T, causal, seed, sharpness):
    patterns = random_patterns(n_layer, n_head, T, causal, seed, sharpness)
    header, arrived = unpack(packed(patterns, causal))
    assert (header["layers"], header["heads"], header["causal"]) == (n_layer, n_head, causal)
    there = ~np.isnan(arrived)
    assert (there == (np.tri(T, dtype=bool) if causal else True)).all()
    error = np.abs(arrived - patterns)[there]
    assert error.max() <= 2.4e-5
    small = there & (patterns > 1e-6)
    assert (np.abs(arrived - patterns)[small] <= 3e-3 * patterns[small]).all()


def test_zero_one_and_order_are_exact():
    patterns = np.zeros((1, 1, 3, 3), np.float32)
    patterns[0, 0] = [[1, 0, 0], [0.0010, 0.9990, 0], [0.0011, 0.0030, 0.9959]]
    arrived = unpack(packed(patterns))[1][0, 0]
    assert arrived[0, 0] == 1
    assert [f"{weight:.4f}" for weight in arrived[2]] == ["0.0011", "0.0030", "0.9959"]
    assert arrived[1, 0] < arrived[2, 0] < arrived[2, 1]


def test_six_by_six_heads_at_256_tokens_stay_below_four_megabytes():
    blob = packed(random_patterns(6, 6, 256, causal=True))
    assert 36 * 256 * 257 < len(blob) < 4e6


def test_tokens_travel_visible_and_short():
    hostile = ["<script>", "\n", " ", "\x00", "\u202e", "x" * 10_000, "\ud800", ""]
    tokens = unpack(packed(random_patterns(1, 1, 8, True), tokens=hostile))[0]["tokens"]
    assert tokens[:3] == ["<script>", "⏎", "·"]
    assert all(0 < len(token) <= 40 and token.isprintable() for token in tokens)


@pytest.mark.parametrize("shape", [(8, 8), (2, 8, 8), (2, 3, 8, 7), (0, 0, 8, 8), (2, 3, 0, 0)])
def test_another_shape_is_named(shape):
    with pytest.raises(ValueError, match=str(shape).replace("(", r"\(").replace(")", r"\)")):
        packed(np.zeros(shape))


def test_another_number_of_tokens_is_named():
    with pytest.raises(ValueError, match=r"\(1, 1, 4, 4\) need 4 tokens, not 3"):
        packed(random_patterns(1, 1, 4, True), tokens=["a"] * 3)


@pytest.mark.parametrize("value", [np.nan, np.inf, -0.5, 1.5])
def test_scores_are_refused(value):
    patterns = random_patterns(1, 1, 4, True)
    patterns[0, 0, 2, 1] = value
    with pytest.raises(ValueError, match="probabilities"):
        packed(patterns)


def test_half_precision_is_taken():
    patterns = random_patterns(2, 2, 16, True).astype(np.float16)
    assert np.nanmax(np.abs(unpack(packed(patterns))[1] - patterns)) <= 2.4e-5


def test_looking_ahead_needs_saying_so():
    with pytest.raises(ValueError, match="causal=False"):
        packed(random_patterns(1, 1, 4, causal=False))


@pytest.mark.parametrize("head", [(2, 0), (0, 3), (-1, 0)])
def test_a_head_that_is_not_there_is_named(head):
    with pytest.raises(ValueError, match=r"no head .*\(2, 3, 4, 4\)"):
        packed(random_patterns(2, 3, 4, True), head=head)


@pytest.mark.parametrize("said", [None, [], [0], [2, 0], [0, -1], ["0", "1"], [0.5, 0], {"a": 1}, "00", [0, 1, 2]])
def test_what_no_view_would_send_locks_nothing(said):
    assert _head_of(said, (2, 3, 4, 4)) is None


def test_the_later_word_on_the_lock_counts():
    assert _agree(None, (0, 0)) == _Lock((0, 0), told=((0, 0), 0))
    clicked = _Lock((1, 2), told=((0, 0), 0), at=5)
    assert _agree(clicked, (1, 2)) == clicked, "the page hands back what was clicked: nothing new to tell the browser"
    assert _agree(clicked, None) == clicked
    assert _agree(clicked, (0, 0)) == _Lock((0, 0), told=((0, 0), 5), at=5)
    unread = _Lock((0, 0), told=((0, 0), 0), at=5, clicked=True)
    assert _agree(unread, (0, 1)) == unread


def test_the_component_mounts_with_the_packed_patterns():
    app = AppTest.from_file(str(SCRIPT), default_timeout=60).run()
    assert not app.exception
    header, patterns = unpack(app.get("bidi_component")[0].proto.bytes)
    assert patterns.shape == (2, 3, 8, 8)
    assert (header["key"], header["told"], header["grid_only"]) == ("view", [None, 0], False)
    assert header["tokens"][:4] == ["t", "h", "e", "·"]
    assert app.text[-1].value == "locked: None"


def test_the_sharpest_head_is_the_one_whose_rows_are_most_concentrated():
    patterns = random_patterns(2, 3, 8, True)
    patterns[1, 2] = np.eye(8)
    assert sharpest(patterns) == (1, 2)
