"""The film: what goes to the browser, and what may come back."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from explorer.components import film
from explorer.components.film import Film, Look, packing
from explorer.train.timetravel import film as reel
from gpt.train.tail import Tail
from tests.explorer.drawn import unpack

TRIANGLE = np.array([[[[1.0, 0.0], [0.25, 0.75]]]], dtype=np.float32)


def small_film(**changes) -> Film:
    codes = packing.encode(TRIANGLE, causal=True)
    parts = dict(
        steps=[0, 10], codes=np.stack([codes, codes]), causal=True, tokens=["<b>", " "], answers=["a"],
        probabilities=np.array([[0.5], [np.nan]]), likeliest=[("a", 0.5), ("a", np.nan)], samples=["x" * 5000, None],
        losses={name: ([0.0], [3.0]) for name in ("batch", "mean", "validation")},
        scores={"induction": np.array([[[0.1]], [[np.nan]]])}, sentences={"induction": "…"}, spans={},
    )  # fmt: skip
    return Film(**parts | changes)


def test_a_weight_is_coded_by_its_root():
    assert packing.encode(TRIANGLE, causal=True).tolist() == [[[255, 128, 221]]]
    assert packing.encode(TRIANGLE, causal=False).tolist() == [[[255, 0, 128, 221]]]
    assert packing.encode(np.full((1, 1, 1, 1), np.nan), causal=True).tolist() == [[[0]]]
    assert packing.encode(np.zeros((0, 0, 3, 3)), causal=True).shape == (0, 0, 6)


@given(npst.arrays(np.float32, (1, 2, 3, 3), elements=st.floats(0, 1, width=32)), st.booleans())
def test_decoding_gives_the_weights_back(patterns, causal):
    codes = packing.encode(patterns, causal=causal)
    assert codes.shape == (1, 2, packing.cells(3, causal=causal))
    weights = patterns[(..., *np.tril_indices(3))] if causal else patterns.reshape(1, 2, 9)
    assert np.abs((codes / 255.0) ** 2 - weights).max() <= 0.004


def test_packing_and_unpacking():
    codes = np.arange(6, dtype=np.uint8)
    message = packing.pack({"a": "ü"}, codes)
    assert message[:4] == (len(message) - 10).to_bytes(4, "little")
    header, found = unpack(message)
    assert header == {"a": "ü"} and (found == codes).all()


def test_the_header_is_strict_json_and_names_what_is_shown():
    header = json.loads(json.dumps(film._header(small_film()), allow_nan=False))
    assert header["tokens"] == ["<b>", "·"] and header["probabilities"] == [[0.5], [None]]
    assert header["scores"] == {"induction": [[0.1], [None]]} and header["likeliest"][1] == ["a", None]
    assert len(header["samples"][0]) == film.LONGEST_SAMPLE and header["samples"][1] is None
    with pytest.raises(ValueError, match="snapshots"):
        film._header(small_film(steps=[0]))


@pytest.mark.parametrize(
    ("rest", "look"),
    [
        ({"step": 10, "head": [0, 0], "pinned": 0}, Look(10, (0, 0), 0)),
        ({"step": 7, "head": [0, 1], "pinned": 3}, Look(0)),
        ({"step": "10", "head": "00", "pinned": [0]}, Look(0)),
        ({"step": None, "head": [0.5, 0], "pinned": None}, Look(0)),
        ([], Look(0)),
        ("step", Look(0)),
    ],
)
def test_parts_that_the_film_does_not_have_are_ignored(rest, look):
    assert film._read_look(rest, small_film(), Look(0)) == look


def test_the_newer_look_wins():
    session = film._update(None, Look(10))
    assert session.request == (Look(10), 0)
    session.look, session.at = Look(0), 99  # as the browser sent it
    assert film._update(session, Look(0)).request == (Look(10), 0), "a look of the browser is not sent back"
    assert film._update(session, Look(10, (0, 0))).request == (Look(10, (0, 0)), 99)
    session.has_news = True
    assert film._update(session, Look(10)) is session, "a rest that was not read yet is newer than the page's look"


@pytest.mark.parametrize(
    ("snapshots", "n_heads", "T", "causal", "kept", "tokens"),
    [
        (50, 36, 64, True, 50, 64),
        (0, 36, 64, True, 0, 64),
        (1, 36, 64, True, 1, 64),
        (500, 0, 64, True, reel.MOST_SNAPSHOTS, 64),
        (50, 36, 256, True, 20, 256),
    ],
)
def test_a_film_of_usual_size_is_whole_and_a_large_one_thinned(snapshots, n_heads, T, causal, kept, tokens):
    steps, left = reel.fitting(list(range(snapshots)), n_heads, T, causal=causal)
    assert (len(steps), left) == (kept, tokens)
    assert steps == sorted(set(steps)) and steps[:1] == [0][:snapshots] and steps[-1:] == [snapshots - 1][:snapshots]


@given(st.integers(1, 200), st.integers(0, 400), st.integers(1, 1024), st.booleans())
def test_a_film_is_never_larger_than_its_limit(snapshots, n_heads, T, causal):
    steps, tokens = reel.fitting(list(range(snapshots)), n_heads, T, causal=causal)
    assert steps[0] == 0 and steps[-1] == snapshots - 1 and 1 <= tokens <= T
    assert len(steps) * n_heads * packing.cells(tokens, causal=causal) <= reel.BYTES
    assert len(steps) == snapshots or len(steps) >= reel.FEWEST_SNAPSHOTS


def test_losses_end_where_the_film_ends_and_stay_few(tmp_path):
    rows = [{"step": step, "train_loss": 1.0} for step in range(3000)] + [{"step": 3000, "val_loss": 2.0}]
    rows.insert(5, {"step": 4, "train_loss": float("nan")})
    (tmp_path / "metrics.jsonl").write_text("\n".join(map(json.dumps, rows)))
    found = reel.losses(Tail(tmp_path / "metrics.jsonl").read(), 1500)
    assert found["validation"] == ([], []) and found["mean"][0][-1] <= 1500
    assert len(found["batch"][0]) <= reel.MOST_POINTS and set(found["mean"][1]) == {1.0}
