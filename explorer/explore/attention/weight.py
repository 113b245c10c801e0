"""One attention weight explained: from the vectors of a query and a key to the number in the heatmap, and on to z."""

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from explorer.choice import read_together
from explorer.components.attention_view.packing import Cell, Head, displayed
from explorer.explore.attention.figures import row_bars, strips
from explorer.figures import style
from explorer.figures.tokens import labels
from explorer.shared import lenses, loading, widgets
from explorer.shared.chart import chart
from explorer.shared.choices import HEAD, KEY, LAYER, QUERY

if TYPE_CHECKING:
    from gpt.lens.weight import Weight

PLACE = "one-weight"  # the key of the container on the page
TERMS = {
    "dot": "The dot product: the features of q times those of k, one by one, all added up. Large where the two vectors point the same way.",
    "scale": "One over the root of the head's number of features. It keeps the scores of wide heads as small as those of narrow ones, "
    "so that the softmax does not fix on one key from the start.",
    "unscaled": "This model was built without the scale, so its scores are the dot products themselves.",
    "score": "How well this key suits this query, as any number. The softmax makes weights of a row of scores.",
    "softmax": "e to the score for every key, divided by their sum: all above 0, and 1 together. The row's largest score is taken off "
    "first, which changes no weight and keeps e^score from overflowing.",
    "weight": "How much of what this query gathers comes from this key.",
    "map": "The weight as the heatmap above shows it. The map's weights travel as 16-bit codes, each off by at most 0.000023.",
    "z": "What the head hands on for this query: the sum over all keys of weight × v.",
    "length": "The root of the sum of the squared features.",
    "share": "How far weight × v reaches along z, as a share of z's own length: (weight × v) · z / |z|². Over all keys the shares sum "
    "to 1; a key below 0 pulls the other way.",
    "gap": "The largest difference between a feature of this sum and of the z that the model itself computed.",
}


def read_cell(T: int) -> Cell | None:
    """The (query, key) that the person chose, or None. A place that this prompt does not have is dropped, with a sentence."""
    query, key = read_together(QUERY, KEY, high=T - 1)
    return None if query is None or key is None else (query, key)


def draw_weight(ref: str, reading: loading.Reading, patterns: np.ndarray, head: Head, cell: Cell) -> None:
    """Take apart the weight of this cell in this head's pattern. patterns: (n_layer, n_head, T, T), what the map shows."""
    with st.container(key=PLACE):
        st.subheader("One weight explained", anchor=False)
        _pick(patterns.shape, labels(reading.tokens), head, cell)
        found = lenses.weight(ref, reading.ids, *head, *cell)
        left, right = st.columns(2, gap="medium")
        with left:
            _score(found)
        with right:
            _softmax(found, reading.tokens, float(patterns[(*head, *cell)]))
        left, right = st.columns(2, gap="medium")
        with left:
            _value(found)
        with right:
            _share(found, reading.tokens)
        widgets.caption(
            "From the two vectors to the weight in the map above, and on to what the head hands on. "
            f"{style.ABOVE.capitalize()} is above zero, {style.BELOW} below; "
            "click another cell of the map, or choose it here.",
            "1:02:00",
        )
        _tables(found, reading.tokens)


def _pick(shape: tuple[int, ...], named: list[str], head: Head, cell: Cell) -> None:
    """Four boxes for layer, head, query and key; a pick in one chooses all four."""
    now = dict(zip((LAYER, HEAD, QUERY, KEY), (*head, *cell), strict=True))
    with st.container(horizontal=True):
        for choice, size in zip(now, shape, strict=True):
            is_token = choice in (QUERY, KEY)
            options = dict(enumerate(named if is_token else map(str, range(size))))
            bound = choice.bound(now[choice], options, along=now, width=165 if is_token else 100)
            st.selectbox(options=options, format_func=options.get, **bound)


def _score(found: "Weight") -> None:
    st.markdown("**1 · Query meets key**", help=TERMS["dot"])
    top = max(np.abs(found.q).max(), np.abs(found.k).max())
    figure = strips({"q": found.q, "k": found.k, "q × k": found.products}, [top, top, np.abs(found.products).max()])
    chart(figure, key="weight: q and k", alt="q of the query, k of the key, and their product feature by feature")
    factor, why = (f"× 1/√{len(found.q)}", "scale") if found.scale != 1 else ("× 1", "unscaled")
    _sum(
        ("q · k, the sum of q × k", number(found.dot), TERMS["dot"]),
        (factor, number(found.scale), TERMS[why]),
        ("= score", number(found.dot * found.scale), TERMS["score"]),
    )
    widgets.caption("The products of all features add up to q · k; the scale makes it the score.", "1:16:56")


def _softmax(found: "Weight", tokens: tuple[str, ...], in_map: float) -> None:
    exists = bool(found.exists[found.key])
    st.markdown("**2 · Softmax over the query's row**", help=TERMS["softmax"])
    rows = {"score": found.scores, "e^(score − largest)": found.exps, "weight": found.weights}
    chart(row_bars(rows, tokens, found.exists, found.key), key="weight: row", alt="Scores and weights of the whole row")
    if not exists:
        st.markdown(
            f"Key {found.key} comes after query {found.query}: the mask takes it out of the row before the softmax, "
            "so it has no weight, whatever its score. The map leaves the cell out."
        )
        return
    largest_score = number(found.scores[found.exists].max())
    _sum(
        (f"e^(score − {largest_score})".replace("− −", "+ "), number(found.exps[found.key]), TERMS["softmax"]),
        ("÷ the row's sum", number(found.exps.sum()), TERMS["softmax"]),
        ("= weight", number(found.weight), TERMS["weight"]),
        ("In the map", number(displayed(in_map)), TERMS["map"]),
        ("Apart by", f"{abs(found.weight - displayed(in_map)):.0e}", TERMS["map"]),
    )


def _value(found: "Weight") -> None:
    st.markdown("**3 · What the weight carries**", help=TERMS["z"])
    vectors = {"v": found.v, "w × v": found.carried, "z": found.z}
    top = max(np.abs(vector).max() for vector in vectors.values())
    chart(strips(vectors, [top] * 3), key="weight: v", alt="v of the key, weighted, and z of the query")
    length, carried, z = (number(np.linalg.norm(vector)) for vector in vectors.values())
    _sum(
        ("Length of v", length, TERMS["length"]),
        ("× weight", number(found.weight), TERMS["weight"]),
        ("= length of w × v", carried, TERMS["length"]),
        ("Length of z", z, TERMS["z"]),
    )


def _share(found: "Weight", tokens: tuple[str, ...]) -> None:
    st.markdown("**4 · Its share of z**", help=TERMS["share"])
    chart(
        row_bars({"share of z": found.shares}, tokens, found.exists, found.key), key="weight: share", alt="Shares of z"
    )
    _sum(
        ("This key's share", f"{found.shares[found.key]:.2%}", TERMS["share"]),
        ("All keys together", f"{found.shares.sum():.2%}", TERMS["share"]),
        ("Σ w × v and z apart by", f"{found.gap:.0e}", TERMS["gap"]),
    )


def _sum(*steps: tuple[str, str, str]) -> None:
    """Numbers that make one another, in a row: (what it is, the number, why)."""
    with st.container(horizontal=True, gap="medium"):
        for label, value, why in steps:
            st.markdown(f":small[{label}]  \n**{value}**", help=why, width="content")


def _tables(found: "Weight", tokens: tuple[str, ...]) -> None:
    with st.expander("All the numbers"):
        left, right = st.columns(2, gap="medium")
        features = {
            "q": found.q,
            "k": found.k,
            "q × k": found.products,
            "v": found.v,
            "weight × v": found.carried,
            "z": found.z,
        }
        left.dataframe({"feature": range(len(found.q))} | features, hide_index=True, key="weight: features")
        scores = {
            "score": found.scores,
            "e^(score − largest)": found.exps,
            "weight": np.where(found.exists, found.weights, np.nan),
            "share of z": np.where(found.exists, found.shares, np.nan),
        }
        right.dataframe({"key": labels(tokens)} | scores, hide_index=True, key="weight: keys")


def number(value: float) -> str:
    """Five digits, with a true minus.

    >>> number(-36.34699), number(0.5), number(0.000012345)
    ('−36.347', '0.5', '1.2345e-05')
    """
    return ("−" if value < 0 else "") + f"{abs(value):.5g}"
