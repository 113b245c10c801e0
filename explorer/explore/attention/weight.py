"""One attention weight explained: from the vectors of a query and a key to the number in the heatmap, and on to z."""

from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from explorer.choice import read_together
from explorer.components.attention_view.packing import Cell, Head, displayed
from explorer.explore.attention.figures import by_distance, row_bars, strips, turned_pairs
from explorer.figures import style
from explorer.figures.tokens import labels
from explorer.opened import Opened
from explorer.shared import widgets
from explorer.shared.cache import cached, with_arrays
from explorer.shared.chart import chart
from explorer.shared.choices import HEAD, KEY, LAYER, QUERY
from explorer.shared.fragment import fragment
from explorer.shared.prompt import Reading

if TYPE_CHECKING:
    from gpt.lens.weight import LayerVectors, Rotation, Stage, Weight

PLACE = "one-weight"  # the key of the container on the page
TERMS = {
    "dot": "The dot product: the features of q times those of k, all added up. It is large if both vectors point the "
    "same way.",
    "scale": "One over the root of the head's number of features. Without it, the scores of wide "
    "heads would be large, and the softmax would put nearly all weight on one key from the start.",
    "unscaled": "This model was built without the scale, so its scores are the dot products themselves.",
    "score": "How well this key suits this query: any number. The softmax turns a row of scores into weights.",
    "softmax": "e to the score for every key, divided by their sum. All are above 0 and sum to 1. The row's "
    "largest score is subtracted first; this changes no weight, and e^score does not overflow.",
    "weight": "The share of what this query reads that comes from this key.",
    "map": "The weight as the heatmap above shows it: rounded to a 16-bit code, by at most 0.000023.",
    "rest": "The heatmap hides the first token, and divides each row by the sum of the others. The model does not.",
    "z": "The head's output for this query: the sum over all keys of weight × v.",
    "length": "The root of the sum of the squared features.",
    "share": "How far weight × v reaches along z, as a share of z's length: (weight × v) · z / |z|². Over all "
    "keys the shares sum to 1. A key below 0 points against z.",
    "group": "Grouped queries: the layer has fewer key and value heads than query heads. So less must be kept while "
    "the model writes. Source: Ainslie et al. 2023, arXiv:2305.13245.",
    "normalised": "RMSNorm of the query and of the key: each is divided by the root of its mean square, and multiplied "
    "by a learned γ. So no vector is long, and no score is large.",
    "turned": "Rotary positions: a pair of features, i and i + n/2, is turned like a clock hand, by an angle that "
    "grows with the position. The first pairs turn fast, the last ones slowly. Source: Su et al. 2021, "
    "arXiv:2104.09864.",
    "angle": "How much further the query's pair is turned than the key's: distance × the pair's speed.",
    "by distance": "The score of this q and this k, if they were that many tokens apart.",
    "gap": "The largest difference between a feature of this sum and of the z that the model itself computed.",
}


def read_cell(T: int) -> Cell | None:
    """The (query, key) that the person chose, or None. A place that this prompt lacks is dropped, with a sentence."""
    query, key = read_together(QUERY, KEY, high=T - 1)
    return None if query is None or key is None else (query, key)


def explain_weight(opened: Opened, ids: tuple[int, ...], layer: int, head: int, query: int, key: int) -> "Weight":
    """Take one attention weight apart. Raises ValueError if there is no such head, query or key."""
    from gpt.lens.weight import explain

    return with_arrays(explain(_layer_vectors(opened, ids, layer), head, query, key))


@cached(max_entries=64, max_size="256MB")
def _layer_vectors(opened: Opened, ids: tuple[int, ...], layer: int) -> "LayerVectors":
    import torch

    from gpt.lens.weight import layer_vectors

    return layer_vectors(opened.model, torch.tensor(ids), layer)


def draw_weight(
    opened: Opened, reading: Reading, pattern: np.ndarray, head: Head, cell: Cell, hides_first: bool
) -> None:
    """Draw how the weight of this cell is computed. pattern: (T, T), of the head as the heatmap shows it.

    hides_first: the heatmap is without the first token, renormalised.
    """
    with st.container(key=PLACE):
        st.subheader("One weight explained", anchor=False)
        _pick((opened.config.n_layer, opened.config.n_head, *pattern.shape), labels(reading.tokens), head, cell)
        weight = explain_weight(opened, reading.ids, *head, *cell)
        _draw_group(head[1], weight)
        if len(weight.stages) > 1:
            _draw_stages(weight)
        left, right = st.columns(2, gap="medium")
        with left:
            _draw_score(weight)
        with right:
            _draw_softmax(weight, reading.tokens, float(pattern[cell]), opened.config.window, hides_first)
        left, right = st.columns(2, gap="medium")
        with left:
            _draw_value(weight)
        with right:
            _draw_share(weight, reading.tokens)
        widgets.caption(
            "From the two vectors to the weight in the heatmap above, and on to the head's output. "
            f"{style.ABOVE.capitalize()} is above zero, {style.BELOW} below. "
            "Click another cell of the heatmap, or choose it here.",
            "1:02:00",
        )
        fragment(_draw_tables, weight, reading.tokens)


def _pick(shape: tuple[int, ...], named: list[str], head: Head, cell: Cell) -> None:
    """Four boxes for layer, head, query and key; a pick in one chooses all four."""
    now = dict(zip((LAYER, HEAD, QUERY, KEY), (*head, *cell), strict=True))
    with st.container(horizontal=True):
        for choice, size in zip(now, shape, strict=True):
            is_token = choice in (QUERY, KEY)
            options = dict(enumerate(named if is_token else map(str, range(size))))
            bound = choice.bound(now[choice], options, along=now, width=165 if is_token else 100)
            st.selectbox(options=options, format_func=options.__getitem__, **bound)


def _draw_group(head: int, weight: "Weight") -> None:
    """Say which key and value head the query head reads, if it shares it."""
    others = [str(other) for other in weight.sharing if other != head]
    if others:
        who = (
            f"so does head {others[0]}"
            if len(others) == 1
            else f"so do heads {', '.join(others[:-1])} and {others[-1]}"
        )
        st.markdown(
            f"Head {head} reads **key and value head {weight.kv_head}**, and {who} of this layer: "
            "they have the same k and v, and each has its own q.",
            help=TERMS["group"],
        )


def _draw_stages(weight: "Weight") -> None:
    """Draw what happens to q and k before they are multiplied: a norm, a rotation, or both."""
    names = [stage.name for stage in weight.stages]
    st.markdown("**Before they meet: q and k are " + " and ".join(names[1:]) + "**", help=TERMS[names[-1]])
    left, right = st.columns(2, gap="medium")
    with left:
        vectors = {_name(letter, stage): getattr(stage, letter) for letter in "qk" for stage in weight.stages}
        tops = [float(np.abs(vector).max()) for vector in vectors.values()]
        chart(strips(vectors, tops), key="weight: stages", alt="q and k on their way to the score")
        if weight.rotation is not None:
            _draw_distance(weight.rotation)
    with right:
        if "normalised" in names:
            st.markdown(TERMS["normalised"])
        if weight.rotation is not None:
            _draw_rotation(weight.rotation)


def _name(letter: str, stage: "Stage") -> str:
    """q, q normalised, q turned."""
    return letter if stage.name == "projected" else f"{letter} {stage.name}"


def _draw_rotation(rotation: "Rotation") -> None:
    figure = turned_pairs(rotation.angles, rotation.before, rotation.after)
    chart(figure, key="weight: pairs", alt="Angle between query and key by pair, and what the pair adds to q · k")
    fastest, slowest = (number(abs(float(np.degrees(rotation.angles[pair])))) for pair in (0, -1))
    _draw_sum(
        ("Distance, tokens", str(rotation.distance), TERMS["angle"]),
        ("Angle of the first pair", f"{fastest}°", TERMS["angle"]),
        ("Angle of the last pair", f"{slowest}°", TERMS["angle"]),
        ("Their part of q · k, not turned", number(rotation.before.sum()), TERMS["turned"]),
        ("Turned", number(rotation.after.sum()), TERMS["turned"]),
    )


def _draw_distance(rotation: "Rotation") -> None:
    st.markdown("**The same q and k at other distances**", help=TERMS["by distance"])
    figure = by_distance(rotation.by_distance, rotation.distance if rotation.distance >= 0 else None)
    chart(figure, key="weight: distance", alt="Score by distance")
    st.caption("After the rotation, a score depends on the two vectors and on their distance only.")


def _draw_score(weight: "Weight") -> None:
    st.markdown("**1 · Query meets key**", help=TERMS["dot"])
    top = max(np.abs(weight.q).max(), np.abs(weight.k).max())
    q, k = (_name(letter, weight.stages[-1]) for letter in "qk")
    vectors = {q: weight.q, k: weight.k, "q × k": weight.products}
    figure = strips(vectors, [top, top, np.abs(weight.products).max()])
    chart(figure, key="weight: q and k", alt="q of the query, k of the key, and their product feature by feature")
    factor, why = (f"× 1/√{len(weight.q)}", "scale") if weight.scale != 1 else ("× 1", "unscaled")
    _draw_sum(
        ("q · k, the sum of q × k", number(weight.dot), TERMS["dot"]),
        (factor, number(weight.scale), TERMS[why]),
        ("= score", number(weight.dot * weight.scale), TERMS["score"]),
    )
    widgets.caption("The products of all features add up to q · k; the scale makes it the score.", "1:16:56")


def _draw_softmax(
    weight: "Weight", tokens: tuple[str, ...], in_map: float, window: int | None, hides_first: bool
) -> None:
    exists = bool(weight.exists[weight.key])
    st.markdown("**2 · Softmax over the query's row**", help=TERMS["softmax"])
    rows = {"score": weight.scores, "e^(score − largest)": weight.exps, "weight": weight.weights}
    figure = row_bars(rows, tokens, weight.exists, weight.key)
    chart(figure, key="weight: row", alt="Scores and weights of the whole row")
    if not exists:
        why = f"comes after query {weight.query}. The mask"
        if weight.key < weight.query:
            why = f"is before the last {window} tokens that query {weight.query} reads. The window"
        st.markdown(
            f"Key {weight.key} {why} removes it from the row before the softmax, "
            "so it has no weight, whatever its score. The heatmap leaves the cell empty."
        )
        return
    largest_score = number(weight.scores[weight.exists].max())
    _draw_sum(
        (f"e^(score − {largest_score})".replace("− −", "+ "), number(weight.exps[weight.key]), TERMS["softmax"]),
        ("÷ the row's sum", number(weight.exps.sum()), TERMS["softmax"]),
        ("= weight", number(weight.weight), TERMS["weight"]),
        *_map_steps(weight, in_map, hides_first),
    )


def _map_steps(weight: "Weight", in_map: float, hides_first: bool) -> list[tuple[str, str, str]]:
    """Return the steps from the weight to the number in the heatmap."""
    rest = float(weight.weights[1:].sum())
    if hides_first and (weight.key == 0 or rest == 0):
        return [("In the heatmap", "hidden", TERMS["rest"])]
    shown, steps = weight.weight, []
    if hides_first:
        shown /= rest
        steps = [("÷ the row's other weights", number(rest), TERMS["rest"]), ("= shown", number(shown), TERMS["rest"])]
    difference = f"{abs(shown - displayed(in_map)):.0e}"
    in_heatmap = ("In the heatmap", number(displayed(in_map)), TERMS["map"])
    return [*steps, in_heatmap, ("Difference", difference, TERMS["map"])]


def _draw_value(weight: "Weight") -> None:
    st.markdown("**3 · What the weight carries**", help=TERMS["z"])
    vectors = {"v": weight.v, "w × v": weight.carried, "z": weight.z}
    top = max(np.abs(vector).max() for vector in vectors.values())
    chart(strips(vectors, [top] * 3), key="weight: v", alt="v of the key, weighted, and z of the query")
    length, carried, z = (number(np.linalg.norm(vector)) for vector in vectors.values())
    _draw_sum(
        ("Length of v", length, TERMS["length"]),
        ("× weight", number(weight.weight), TERMS["weight"]),
        ("= length of w × v", carried, TERMS["length"]),
        ("Length of z", z, TERMS["z"]),
    )


def _draw_share(weight: "Weight", tokens: tuple[str, ...]) -> None:
    st.markdown("**4 · Its share of z**", help=TERMS["share"])
    figure = row_bars({"share of z": weight.shares}, tokens, weight.exists, weight.key)
    chart(figure, key="weight: share", alt="Shares of z")
    _draw_sum(
        ("This key's share", f"{weight.shares[weight.key]:.2%}", TERMS["share"]),
        ("All keys together", f"{weight.shares.sum():.2%}", TERMS["share"]),
        ("Difference of Σ w × v and z", f"{weight.gap:.0e}", TERMS["gap"]),
    )


def _draw_sum(*steps: tuple[str, str, str]) -> None:
    """Draw the steps of a calculation in a row: (label, number, help)."""
    with st.container(horizontal=True, gap="medium"):
        for label, value, help in steps:
            st.markdown(f":small[{label}]  \n**{value}**", help=help, width="content")


def _draw_tables(weight: "Weight", tokens: tuple[str, ...]) -> None:
    """Draw all numbers as tables, where a person opens them."""
    numbers = st.expander("All the numbers", key="weight: numbers", on_change="rerun")
    if not numbers.open:
        return
    with numbers:
        left, right = st.columns(2, gap="medium")
        features: dict[str, Any] = {"feature": range(len(weight.q))}
        for stage in weight.stages:
            features |= {_name("q", stage): stage.q, _name("k", stage): stage.k}
        features["q × k"] = weight.products
        features |= {"v": weight.v, "weight × v": weight.carried, "z": weight.z}
        left.dataframe(features, hide_index=True, key="weight: features")
        scores = {"key": labels(tokens), "score": weight.scores, "e^(score − largest)": weight.exps}
        for name, values in {"weight": weight.weights, "share of z": weight.shares}.items():
            scores[name] = np.where(weight.exists, values, np.nan)
        right.dataframe(scores, hide_index=True, key="weight: keys")


def number(value: Any) -> str:
    """Format a number with five digits and a true minus.

    >>> number(-36.34699), number(0.5), number(0.000012345)
    ('−36.347', '0.5', '1.2345e-05')
    """
    return ("−" if value < 0 else "") + f"{abs(float(value)):.5g}"
