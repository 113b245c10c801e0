"""A page with nothing but the attention view on known patterns, chosen by the URL; run by the fixture `show`."""

import sys
from pathlib import Path

import numpy as np
import streamlit as st

ROOT = str(Path(__file__).resolve().parents[2])
if ROOT not in sys.path:
    sys.path.insert(0, ROOT)

from explorer.components.attention_view import Arrangement, Look, attention_view  # noqa: E402
from explorer.shared.sink import shown_patterns  # noqa: E402


def crossing(n_layer: int, n_head: int, T: int, S: int, seed: int) -> np.ndarray:
    """(n_layer, n_head, T, S).

    In head (0, 0) each query reads with 0.75 from the key as far from the end as it is from the start.
    """
    weights = np.exp(np.random.default_rng(seed).normal(size=(n_layer, n_head, T, S)) * 2)
    weights[0, 0] = 0.25 / (S - 1)
    weights[0, 0, range(T), S - 1 - np.arange(T) % S] = 0.75
    return (weights / weights.sum(-1, keepdims=True)).astype(np.float32)


@st.cache_resource(max_entries=4)
def patterns_of(n_layer: int, n_head: int, T: int, seed: int) -> np.ndarray:
    """(n_layer, n_head, T, T).

    Head (0, 0) reads the previous token with 0.75 and itself with 0.25; others are random.
    """
    scores = np.random.default_rng(seed).normal(size=(n_layer, n_head, T, T)) * 2
    weights = np.exp(scores) * np.tri(T)
    weights /= weights.sum(-1, keepdims=True)
    weights[0, 0] = 0.25 * np.eye(T) + 0.75 * np.eye(T, k=-1)
    weights[0, 0, 0, 0] = 1
    return weights.astype(np.float32)


def arrangement(n_layer: int, n_head: int) -> Arrangement:
    """Scores that grow from head to head, a score that no head has, and one head in three at rest."""
    places = np.arange(n_layer * n_head).reshape(n_layer, n_head)
    scores = {"induction": places / places.size, "duplicate token": np.full(places.shape, np.nan)}
    return Arrangement(scores, first=np.where(places % 3, 0.1, 0.9), rest=0.8)


HOSTILE = [
    "<script>alert(1)</script>",
    "\u202eabc",
    "👩‍👩‍👧",
    "\x00",
    "x" * 5000,
    "&lt;b&gt;",
    "עברית",
    "\n",
    " ",
    "${1}",
]
HOSTILE += ["\ufe0f", "\u05b8"]
CAPTIONS = {(0, 0): "previous token", (1, 2): "previous token", (1, 0): "<b>induction</b>"}

st.set_page_config(layout="wide")
n_layer, n_head, T, *other = (int(part) for part in st.query_params.get("size", "2x3x8").split("x"))
seed = st.number_input("Seed", value=0, key="seed")
if st.button("Move to the last head"):
    st.session_state.head = (n_layer - 1, n_head - 1)
if st.button("Pin the first cell"):
    st.session_state.cell = (0, 0)
text = "the quick brown fox jumps over a lazy dog\n"
tokens = [HOSTILE[i % len(HOSTILE)] if "hostile" in st.query_params else text[i % len(text)] for i in range(T)]
if st.checkbox("Show", value=True):

    def keep(look: Look) -> None:
        st.session_state.head, st.session_state.cell = look.head, look.cell
        st.session_state.order = f"{look.order}, {look.role or 'all'}, {look.hides_rest}"

    drawn = crossing(n_layer, n_head, T, *other, int(seed)) if other else patterns_of(n_layer, n_head, T, int(seed))
    large = attention_view(
        shown_patterns(drawn, "hide_first" in st.query_params),
        tokens,
        causal=not other,
        keys=[f"<{place}>" for place in range(other[0])] if other else None,
        look={name: st.session_state.get(name) for name in ("head", "cell")},
        on_look=keep,
        key="view",
        grid_only="grid_only" in st.query_params,
        captions=CAPTIONS if "captions" in st.query_params else None,
        hides_first="hide_first" in st.query_params,
        arrangement=arrangement(n_layer, n_head) if "arrange" in st.query_params else None,
    )
    st.text(f"locked: {st.session_state.get('head')}")
    st.text(f"pinned: {st.session_state.get('cell')}")
    st.text(f"shown: {large}")
    st.text(f"arranged: {st.session_state.get('order')}")
