import base64
import colorsys
import json
import struct
import tomllib
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from explorer.components.attention_view import Arrangement, Look, _Browser
from explorer.components.attention_view.encoding import encode
from explorer.components.attention_view.packing import (
    check_patterns,
    displayed,
    example,
    pack,
    pack_layer,
    pack_small,
    sharpest,
)
from explorer.components.attention_view.standalone import standalone_page
from explorer.figures.style import contrast, head_color
from tests.explorer.drawn import drawn

ROOT = Path(__file__).parents[3]
SCRIPT = ROOT / "tests" / "browser" / "attention_script.py"


def unpack(blob: bytes) -> tuple[dict, np.ndarray]:
    """The wire format, read as it is documented: (header, weights with NaN where nothing was sent)."""
    (length,) = struct.unpack_from("<I", blob)
    header = json.loads(blob[4 : 4 + length])
    weights = (np.frombuffer(blob, "<u2", offset=4 + length) / 65535.0) ** 3
    shape = len(header["tokens"]), len(header["keys"] or header["tokens"])
    patterns = np.full((header["layers"], header["heads"], *shape), np.nan)
    there = np.tri(*shape, dtype=bool) if header["causal"] else np.ones(shape, dtype=bool)
    patterns[:, :, there] = weights.reshape(header["layers"], header["heads"], -1)
    return header, patterns


def random_patterns(n_layer: int, n_head: int, T: int, causal: bool, seed: int = 0, sharpness: float = 3) -> np.ndarray:
    scores = np.random.default_rng(seed).normal(size=(n_layer, n_head, T, T)) * sharpness
    weights = np.exp(scores - scores.max(-1, keepdims=True)) * (np.tri(T) if causal else 1)
    return (weights / weights.sum(-1, keepdims=True)).astype(np.float32)


def packed(patterns: np.ndarray, causal: bool = True, tokens: list[str] | None = None, keys=None, **kwargs) -> bytes:
    tokens = ["a"] * patterns.shape[-1] if tokens is None else tokens
    checked = check_patterns(patterns, tokens, keys, causal=causal)
    encoded = encode(checked.__getitem__, len(checked), causal=causal)
    return pack(encoded, tokens, keys=keys, options={}, **kwargs)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 4),
    st.integers(1, 4),
    st.integers(1, 24),
    st.booleans(),
    st.integers(0, 99),
    st.sampled_from([0.1, 3, 12]),
)
def test_every_weight_arrives_to_four_decimals_and_small_ones_to_three_digits(
    n_layer, n_head, T, causal, seed, sharpness
):
    patterns = random_patterns(n_layer, n_head, T, causal, seed, sharpness)
    header, arrived = unpack(packed(patterns, causal))
    assert (header["layers"], header["heads"], header["causal"]) == (n_layer, n_head, causal)
    there = ~np.isnan(arrived)
    assert (there == (np.tri(T, dtype=bool) if causal else True)).all()
    error = np.abs(arrived - patterns)[there]
    assert error.max() <= 2.4e-5
    small = there & (patterns > 1e-6)
    assert (np.abs(arrived - patterns)[small] <= 3e-3 * patterns[small]).all()


def rectangle(n_layer: int, n_head: int, T: int, S: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).dirichlet(np.ones(S), (n_layer, n_head, T)).astype(np.float32)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 3), st.integers(1, 12), st.integers(1, 12), st.integers(0, 99))
def test_a_rectangle_arrives_with_both_lists_of_tokens(n_head, T, S, seed):
    patterns = rectangle(2, n_head, T, S, seed)
    header, arrived = unpack(packed(patterns, False, ["q"] * T, keys=[f"k{i}" for i in range(S)]))
    assert arrived.shape == patterns.shape and np.abs(arrived - patterns).max() <= 2.4e-5
    assert header["tokens"] == ["q"] * T and header["keys"] == [f"k{i}" for i in range(S)]
    query, key = example(patterns[0, 0])
    assert query == T // 2 and arrived[0, 0, query, key] == arrived[0, 0, query].max()


def test_a_rectangle_needs_its_keys_and_has_no_mask():
    patterns = rectangle(1, 1, 4, 5)
    with pytest.raises(ValueError, match=r"\(1, 1, 4, 5\); they must be \(n_layer, n_head, T, T\)"):
        packed(patterns, False, ["a"] * 4)
    with pytest.raises(ValueError, match=r"\(1, 1, 4, 5\); they must be \(n_layer, n_head, T, T\)"):
        packed(patterns, True, ["a"] * 4, keys=["a"] * 5)
    with pytest.raises(ValueError, match=r"need 5 keys, not 4"):
        packed(patterns, False, ["a"] * 4, keys=["a"] * 4)
    with pytest.raises(ValueError, match=r"no cell \(3, 5\)"):
        packed(patterns, False, ["a"] * 4, keys=["a"] * 5, cell=(3, 5))
    assert unpack(packed(patterns, False, ["a"] * 4, keys=["a"] * 5, cell=(3, 4)))[1].shape == (1, 1, 4, 5)


def test_the_page_that_opens_offline_holds_a_rectangle():
    page = standalone_page(rectangle(1, 2, 3, 5), "abc", title="<x>", causal=False, keys="vwxyz").decode()
    assert "<title>&lt;x&gt;</title>" in page
    blob = zlib.decompress(base64.b64decode(page.split('id="patterns">')[1].split("<")[0]))
    header, arrived = unpack(blob)
    assert header["keys"] == list("vwxyz") and arrived.shape == (1, 2, 3, 5)


def test_zero_one_and_order_are_exact():
    patterns = np.zeros((1, 1, 3, 3), np.float32)
    patterns[0, 0] = [[1, 0, 0], [0.0010, 0.9990, 0], [0.0011, 0.0030, 0.9959]]
    arrived = unpack(packed(patterns))[1][0, 0]
    assert arrived[0, 0] == 1
    assert [f"{weight:.4f}" for weight in arrived[2]] == ["0.0011", "0.0030", "0.9959"]
    assert arrived[1, 0] < arrived[2, 0] < arrived[2, 1]


def test_six_by_six_heads_at_256_tokens_stay_below_four_megabytes():
    patterns = random_patterns(6, 6, 256, causal=True)
    whole = pack(encode(patterns.__getitem__, 6, causal=True, at_once=True), ["a"] * 256, options={})
    assert 36 * 256 * 257 < len(whole) < 4e6
    encoded = encode(patterns.__getitem__, 6, causal=True)
    first = pack(encoded, ["a"] * 256, options={}) + pack_small(encoded, "view")
    assert len(first) < 150_000, "small patterns come first"
    assert len(pack_layer(encoded, "view", 0)) < 6 * 256 * 257 + 1000


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


def test_captions_travel_under_their_heads_name_and_need_their_head():
    patterns = random_patterns(2, 3, 4, True)
    header, _ = unpack(packed(patterns, captions={(1, 2): "induction", (0, 1): "previous token"}))
    assert header["captions"] == {"L1H2": "induction", "L0H1": "previous token"}
    assert unpack(packed(patterns))[0]["captions"] == {}
    with pytest.raises(ValueError, match=r"no head \(2, 0\)"):
        packed(patterns, captions={(2, 0): "induction"})


def test_looking_ahead_needs_saying_so():
    with pytest.raises(ValueError, match="causal=False"):
        packed(random_patterns(1, 1, 4, causal=False))


@pytest.mark.parametrize("head", [(2, 0), (0, 3), (-1, 0)])
def test_a_head_that_is_not_there_is_named(head):
    with pytest.raises(ValueError, match=r"no head .*\(2, 3, 4, 4\)"):
        packed(random_patterns(2, 3, 4, True), head=head)
    with pytest.raises(ValueError, match=r"no cell \(1, 4\)"):
        packed(random_patterns(2, 3, 4, True), cell=(1, 4))


SHAPE = (2, 3, 4, 4)


@pytest.mark.parametrize("place", [None, [], [0], [2, 0], [0, -1], ["0", "1"], [0.5, 0], {"a": 1}, "00", [0, 1, 2]])
def test_what_no_view_would_send_locks_nothing(place):
    browser = _Browser((0, 0), Look((0, 0), (1, 1), ((0, "avg"),), 0.5), shape=SHAPE)
    browser.take({"head": place, "cell": place and [4, 0], "compared": place, "share": place})
    assert (browser.look.head, browser.look.cell, browser.look.share) == (None, None, 0.5)
    assert browser.look.compared == ()


def test_a_click_reports_all_that_the_person_looks_at():
    browser = _Browser((0, 0), shape=SHAPE)
    compared = [[0, "avg"], ["avg", 9], [1, 1]]
    browser.take({"head": [1, 2], "cell": [3, 0], "compared": compared, "share": 0.75, "at": 5})
    assert browser.look == Look((1, 2), (3, 0), ((0, "avg"), (1, 1)), 0.75) and browser.clicked_at == 5
    browser.take({"order": "induction", "role": "previous token", "hides_rest": True})
    assert browser.look[4:] == ("induction", "previous token", True)
    browser.take({"order": None, "role": [], "hides_rest": "yes"})
    assert browser.look[4:] == ("layer", "", False)


def test_scores_that_are_no_number_travel_as_null():
    scores = {"induction": np.array([[0.12345, np.nan]])}
    options = Arrangement(scores, np.array([[0.5, 0.9]]), 0.8).options()
    assert options == {"scores": {"induction": [[0.123, None]]}, "first": [[0.5, 0.9]], "rest": 0.8}


def test_the_browser_is_asked_only_for_what_it_does_not_show():
    def asked(**fields):
        browser.show(SHAPE, fields)
        return browser.asked["head"], browser.asked["at"], browser.asked["cell"]

    browser = _Browser((0, 1))
    assert asked(head=(0, 0)) == ((0, 0), 0, None)
    browser.take({"head": [1, 2], "cell": [3, 1], "at": 5})
    assert asked(head=(1, 2), cell=(3, 1)) == ((0, 0), 0, None), "the click is in the link: nothing to ask for"
    assert asked(head=(1, 2)) == ((0, 0), 0, None)
    assert asked(head=(0, 0)) == ((0, 0), 5, (3, 1)), "what the page does not decide stays"
    assert asked(cell=(2, 2)) == ((0, 0), 5, (2, 2))
    assert asked(head=None) == (None, 5, (2, 2)), "an example or the Back button unlocks the head"


def test_what_new_patterns_do_not_have_is_dropped():
    browser = _Browser((1, 2), Look((1, 2), (3, 1), ((1, "avg"), (0, 0))))
    browser.show(SHAPE, {})
    assert browser.look == Look((1, 2), (3, 1), ((1, "avg"), (0, 0)))
    browser.show((1, 1, 3, 3), {})
    assert browser.look == Look(None, None, ((0, 0),))


def test_the_component_mounts_with_the_packed_patterns():
    app = AppTest.from_file(str(SCRIPT), default_timeout=60).run()
    assert not app.exception
    header, patterns = unpack(drawn(app)[0].proto.bytes)
    assert patterns.shape == (2, 3, 8, 8)
    look = {"head": None, "cell": None, "compared": [], "share": 0.9, "at": 0}
    look |= {"order": "layer", "role": "", "hides_rest": False}
    assert (header["key"], header["look"], header["grid_only"]) == ("view", look, False)
    assert header["tokens"][:4] == ["t", "h", "e", "·"]
    assert [text.value for text in app.text] == ["locked: None", "pinned: None", "shown: (0, 0)", "arranged: None"]


def test_the_sharpest_head_is_the_one_whose_rows_are_most_concentrated():
    patterns = random_patterns(2, 3, 8, True)
    patterns[1, 2] = np.eye(8)
    assert sharpest(patterns) == (1, 2)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 12), st.booleans(), st.integers(0, 99))
def test_the_example_is_the_first_of_the_largest_codes_of_the_middle_row(T, causal, seed):
    """The rule of the browser, which sees codes only."""
    pattern = random_patterns(1, 1, T, causal, seed)
    arrived = np.nan_to_num(unpack(packed(pattern, causal))[1][0, 0], nan=-1)
    query, key = example(pattern[0, 0])
    assert query == T // 2, "a row in the middle"
    assert key == max(range(T), key=lambda other: arrived[query, other])


def test_a_displayed_weight_is_rounded_to_its_code():
    assert [displayed(weight) for weight in (0, 1)] == [0, 1]
    for weight in (0.9, 0.75, 0.0123456, 0.00123456):
        assert abs(displayed(weight) - weight) <= 2.4e-5


@pytest.mark.parametrize("head", range(48))
def test_on_a_dark_page_a_heads_lines_stand_out_in_its_own_hue(head):
    config = tomllib.loads((ROOT / "explorer" / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    ground = config["theme"]["dark"]["backgroundColor"]
    on_light, on_dark = (list(bytes.fromhex(head_color(head, on_dark=dark)[1:])) for dark in (False, True))
    assert contrast(on_dark, list(bytes.fromhex(ground[1:]))) >= 4
    hue, lighter = (colorsys.rgb_to_hls(*color)[0] for color in (on_light, on_dark))
    assert lighter == pytest.approx(hue, abs=0.01)
