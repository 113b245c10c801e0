"""What the attention view gets in the difference mode, and the files that it offers."""

import json
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer.components.attention_view.differences import BOUNDS, Difference, encode_difference
from explorer.components.attention_view.encoding import AT_ONCE, AVERAGE
from explorer.components.attention_view.packing import pack, pack_layer, pack_small
from explorer.figures import style
from explorer.figures.picture import pattern_svg


def patterns_of(seed: int, n_layer: int, n_head: int, T: int) -> np.ndarray:
    weights = np.exp(2 * np.random.default_rng(seed).normal(size=(n_layer, n_head, T, T))) * np.tri(T)
    return (weights / weights.sum(-1, keepdims=True)).astype(np.float32)


def compared(before: np.ndarray, after: np.ndarray, **more) -> Difference:
    moved = np.abs(after - before).sum(-1).mean(-1) / 2
    return encode_difference(before.__getitem__, after.__getitem__, moved, causal=True, **more)


def unpack(message: bytes) -> tuple[dict, bytes]:
    (length,) = struct.unpack_from("<I", message)
    return json.loads(message[4 : 4 + length]), message[4 + length :]


@given(st.integers(1, 3), st.integers(1, 3), st.integers(1, 12), st.integers(0, 99))
def test_both_sides_arrive_layer_by_layer(n_layer, n_head, T, seed):
    sides = patterns_of(seed, n_layer, n_head, T), patterns_of(seed + 1, n_layer, n_head, T)
    header, data = unpack(pack(compared(*sides), ["a"] * T, options={}))
    weights = (np.frombuffer(data, "<u2").reshape(n_layer, 2, n_head, -1) / 65535) ** 3
    for place, side in enumerate(sides):
        np.testing.assert_allclose(weights[:, place], side[(..., *np.tril_indices(T))], atol=2.4e-5)
    assert header["heads"] == n_head and header["layers"] == n_layer and header["bins"] is None
    assert np.shape(header["difference"]["moved"]) == (n_layer, n_head)


def test_the_scale_ends_at_a_bound_of_all_heads():
    before = np.broadcast_to(np.eye(4, dtype=np.float32), (2, 2, 4, 4)).copy()
    after = before.copy()
    after[1, 0, 2] = [0.04, 0, 0.96, 0]
    encoded = compared(before, after)
    assert encoded.top == 0.05 and encoded.opening == (1, 0)
    scale = unpack(pack(encoded, "abcd", options={}))[0]["scale"]
    for theme, stops in scale.items():
        values = [value for value, _ in stops]
        assert values == sorted(values) and values == [-value for value in values[::-1]], theme
        assert (values[0], values[4], values[-1]) == (-0.05, 0, 0.05)
        assert style.word(stops[0][1]) == style.BELOW and style.word(stops[-1][1]) == style.ABOVE
    assert compared(before, before).top == BOUNDS[0]


def test_small_pictures_show_the_difference_that_is_farthest_from_zero():
    before, after = (patterns_of(seed, 4, 24, 128) for seed in (0, 1))
    encoded = compared(before, after)
    assert encoded.small is not None and encoded.small.nbytes < AT_ONCE
    difference = (after - before)[2, 5]
    blocks = difference.reshape(64, 2, 64, 2).swapaxes(1, 2).reshape(64, 64, 4)
    farthest = np.take_along_axis(blocks, np.abs(blocks).argmax(-1)[..., None], -1)[..., 0]
    shown = ((encoded.small[2, 5].astype(float) - 128) / 127) ** 3
    np.testing.assert_allclose(shown, farthest[np.tril_indices(64)], atol=0.013)
    assert (np.sign(shown) == -1).any() and (np.sign(shown) == 1).any()
    header, data = unpack(pack_layer(encoded, "view", 2))
    assert header["layer"] == 2 and len(data) == 2 * 24 * 128 * 129
    mean = (np.frombuffer(unpack(pack_layer(encoded, "view", AVERAGE))[1], "<u2").reshape(2, 24, -1) / 65535) ** 3
    np.testing.assert_allclose(mean[1], after.mean(0)[(..., *np.tril_indices(128))], atol=2.4e-5)


def test_thirty_by_nine_heads_at_256_tokens_need_less_than_four_megabytes():
    layer = patterns_of(0, 1, 9, 256)[0]
    encoded = encode_difference(lambda _: layer, lambda _: layer[::-1], np.full((30, 9), 0.5), causal=True)
    first = pack(encoded, ["a"] * 256, options={}) + pack_small(encoded, "view")
    assert len(first) + len(pack_layer(encoded, "view", 0)) < 4e6


def test_layers_that_are_not_drawn_have_no_number():
    before, after = (patterns_of(seed, 3, 2, 5) for seed in (0, 1))
    moved = np.full((3, 2), np.nan)
    moved[1] = 0.25, 0.5
    encoded = encode_difference(before.__getitem__, after.__getitem__, moved, causal=True, layers=(1,))
    header = unpack(pack(encoded, "abcde", options={}))[0]
    assert encoded.opening == (1, 1) and header["kept"] == [1]
    assert header["difference"]["moved"] == [[None, None], [0.25, 0.5], [None, None]]


@pytest.mark.parametrize("dark", [False, True])
def test_the_picture_of_a_difference_has_both_colours_and_signs(dark):
    before, after = (patterns_of(seed, 1, 1, 5)[0, 0] for seed in (0, 1))
    svg = pattern_svg(after - before, "abcde", causal=True, bound=0.5, dark=dark).decode()
    below, above = (f'"#{rgb}"'.lower() for rgb in (("e69f00", "56b4e9") if dark else ("d55e00", "0072b2")))
    assert f"fill={below}" in svg and f"fill={above}" in svg
    for text in ("B − A", ">−0.5<", ">−0.125<", ">0<", ">0.125<", ">0.5<"):
        assert text in svg
    largest = (after - before)[4].max()
    assert f">{largest:+.2f}<" in svg
