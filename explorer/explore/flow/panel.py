"""Attention as a graph of tokens, and how much of each token reaches the chosen one through all layers."""

import time

import numpy as np
import streamlit as st

from explorer import state
from explorer.choice import Choice, choose
from explorer.components.attention_view.packing import Head
from explorer.explore.flow.figures import MOST_EDGES, arrival_bars, drawn_edges, layers_graph, token_graph
from explorer.explore.heads.names import clearest_head
from explorer.explore.heads.panel import pick_head
from explorer.figures.tokens import head_name
from explorer.opened import Opened
from explorer.shared import texts, widgets
from explorer.shared.cache import cached
from explorer.shared.chart import chart
from explorer.shared.choices import POSITION
from explorer.shared.lens_controls import Subject
from explorer.shared.patterns import Ids, attention
from explorer.shared.sink import describe_sink, pick_first_token, shown_patterns
from explorer.shared.words import describe_ngrams

UNASKED = 600_000  # n_layer² × T², about four seconds on one core; above it, a button starts the measurement
PATIENCE = 0.5  # seconds before a progress bar is shown
KINDS = {"mean": "Mean of the heads", "one": "The chosen head in its layer"}
WEIGHTS = Choice("weights", options=KINDS, default="mean", label="Weights")
THRESHOLD = Choice(
    "threshold",
    int,
    1,
    100,  # percent
    default=10,
    label="Threshold",
    help="The graph shows only edges with at least this share of the reading token's attention.",
)
TERMS = {
    "weights": "The weight of an edge: the mean over the layer's heads, or only the chosen head in its layer.",
    "attention": "The last layer's weights, averaged over its heads. Each position has already read others.",
    "rollout": "Each layer is half attention, half residual stream. The product of all layers is the share of paths "
    "from "
    "each token. It sums to 1.",
    "flow": "The same layers as pipes as wide as the weight. The maximum flow is what one token could send if it had "
    "all "
    "pipes. It does not sum to 1.",
}


def pick_head_and_threshold(chosen: Subject) -> tuple[Head, float, bool]:
    """Let the person choose a head, the least weight of a drawn edge, and whether the first token is hidden.

    Returns (layer, head), 0 … 1, and the last choice.
    """
    config = chosen.opened.config
    left, right = st.columns(2, gap="medium")
    with left:
        opening = clearest_head(texts.head_scores(chosen.opened, chosen.reading.ids))
        head = pick_head(config.n_layer, config.n_head, opening)
    threshold = THRESHOLD.read()
    with right:
        st.slider(format="%d %%", **THRESHOLD.bound(threshold))
        hides_first = pick_first_token(chosen.opened)
        if hides_first:
            st.caption(describe_sink(chosen.opened))
    return head, threshold / 100, hides_first


def draw_head_graph(chosen: Subject, head: Head, threshold: float, hides_first: bool) -> None:
    """Draw the chosen head's attention as a directed graph, and list what the chosen token reads."""
    weights = shown_patterns(attention(chosen.opened, chosen.reading.ids)[head], hides_first)
    st.subheader(f"{head_name(*head)}: who reads from whom", anchor=False)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        figure = token_graph(weights, chosen.reading.tokens, threshold=threshold, chosen=chosen.position)
        alt = "Tokens around a circle; arrows run from the token that is read to the token that reads it"
        _draw_clickable(figure, "head graph", alt, chosen.position)
    with right:
        _show_count(weights, threshold)
        st.markdown(f"**{widgets.plain(chosen.labels[chosen.position])} reads from**")
        row = weights[chosen.position]
        read = np.argsort(-row, kind="stable")[: np.count_nonzero(row >= threshold)]
        rows = [{"token": chosen.labels[key], "weight": float(row[key])} for key in read]
        number = {"weight": st.column_config.NumberColumn(format="%.3f")}
        if rows:
            st.dataframe(rows, hide_index=True, column_config=number, height=min(320, 36 * len(rows) + 38), key="read")
        else:
            st.caption("No weight of this token reaches the threshold. Its attention is spread over many tokens.")
    widgets.caption(
        "Attention is a directed graph: an arrow goes from the token that is read to the token that reads it. "
        "A ring is a token that reads from itself. Click a token to choose it.",
        "1:11:38",
    )


def draw_layers_graph(chosen: Subject, head: Head, threshold: float, hides_first: bool) -> None:
    """Draw all layers as one graph, with the paths to the chosen token in colour."""
    st.subheader("Through all layers", anchor=False, help=TERMS["weights"])
    patterns = shown_patterns(attention(chosen.opened, chosen.reading.ids), hides_first)
    shown = WEIGHTS.read()
    bound = WEIGHTS.bound(shown, label_visibility="collapsed")
    st.segmented_control(options=KINDS, format_func=KINDS.__getitem__, required=True, **bound)
    weights = patterns.mean(1)
    if shown == "one":
        weights[head[0]] = patterns[head]
    figure = layers_graph(weights, chosen.reading.tokens, threshold=threshold, chosen=chosen.position)
    alt = "Tokens down, layers from left to right; arrows run from a token that is read to its reader a layer on"
    _draw_clickable(figure, "layers graph", alt, chosen.position)
    _show_count(weights, threshold)
    label = widgets.plain(chosen.labels[chosen.position])
    widgets.caption(
        f"In colour: all drawn paths to {label} after the last layer. Dotted: only the residual stream carries the "
        "token on.",
        "1:11:38",
    )


def draw_arrivals(chosen: Subject) -> None:
    """Draw how much of every token reaches the chosen one, by three measures."""
    import torch

    from gpt.lens.flow import rollout

    label = widgets.plain(chosen.labels[chosen.position])
    explained = "  \n".join(f"**{name.capitalize()}**: {TERMS[name]}" for name in ("attention", "rollout", "flow"))
    st.subheader(f"What reaches {label}", anchor=False, help=explained)
    patterns = attention(chosen.opened, chosen.reading.ids)
    rolled = rollout(torch.from_numpy(patterns))[-1, chosen.position].numpy()
    shares = {"Attention": patterns[-1, :, chosen.position].mean(0), "Rollout": rolled}
    flow = _flow(chosen, patterns)
    if flow is not None:
        shares["Flow"] = flow
    figure = arrival_bars(shares, chosen.reading.tokens, chosen.position)
    chart(figure, key="arrivals", alt=f"How much of every token reaches the chosen one by {', '.join(shares)}")
    for name in shares:
        st.caption(f"**{name}**: {TERMS[name.lower()]}")
    ngrams = describe_ngrams(chosen.opened.config.ngrams)
    unseen = f"{ngrams} No measure here sees that." if ngrams else ""
    widgets.caption(
        "None of the three proves that a token matters to the answer. They leave out values and MLPs. "
        f"*Interventions* switches parts off and measures the effect. {unseen}",
        "1:11:38",
    )
    with st.expander("All numbers as a table"):
        columns = {"token": chosen.labels, **{name: values.tolist() for name, values in shares.items()}}
        st.dataframe(columns, hide_index=True, key="numbers")


def _flow(chosen: Subject, patterns: np.ndarray) -> np.ndarray | None:
    """Return the attention flow to the chosen token, (T,). None until the person asks for a long measurement."""
    import torch

    from gpt.lens.flow import attention_flow

    key = (chosen.opened, chosen.reading.ids, chosen.position)
    known, flow = state.recall("flow", (None, None))
    if known == key:
        return flow
    n_layer, _, T, _ = patterns.shape
    if n_layer**2 * T**2 > UNASKED and not _asked(chosen, n_layer):
        return None
    place, values, started = st.empty(), [], time.monotonic()
    with place.container(horizontal=True, vertical_alignment="center"):
        bar = st.empty()
        if n_layer**2 * T**2 > UNASKED:
            st.button("Cancel", icon=":material/close:", key="cancel:flow")
    for value in attention_flow(torch.from_numpy(patterns), chosen.position):
        values.append(value)
        passed = time.monotonic() - started
        if passed > PATIENCE:
            left = passed / len(values) * (T - len(values))
            bar.progress(len(values) / T, text=f"Flow from token {len(values)} of {T}, about {left:.0f} s left")
    place.empty()
    state.remember("flow", (key, np.array(values)))
    return np.array(values)


def _asked(chosen: Subject, n_layer: int) -> bool:
    """Offer a long measurement, and say how long it takes. Return whether the person wants it."""
    from gpt.machine import time_in_words

    seconds = _seconds_of_flow(chosen.opened, chosen.reading.ids, chosen.position)
    flows = f"{len(chosen.reading.ids)} maximum flows through {n_layer} layers"
    label = f"Measure flow too: {flows}, about {time_in_words(seconds)}"
    return st.button(label, icon=":material/play_arrow:", key="measure:flow")


@cached(max_entries=64)
def _seconds_of_flow(opened: Opened, ids: Ids, position: int) -> float:
    """Measure the flow from one token, and return the seconds that all take. Later tokens have fewer pipes to go."""
    import torch

    from gpt.lens.flow import attention_flow

    third = position // 3  # its pipes are about as many as the mean
    patterns, started = torch.from_numpy(attention(opened, ids)[..., third:, third:]), time.perf_counter()
    next(attention_flow(patterns, position - third))
    return (position + 1) * (time.perf_counter() - started)


def _show_count(weights: np.ndarray, threshold: float) -> None:
    """Show how many edges are drawn, and their share of all weight."""
    drawn, possible = drawn_edges(weights, threshold), np.count_nonzero(weights)
    mass = weights[drawn].sum() / (weights.sum() or 1)
    limit = f" (the {MOST_EDGES:,} strongest of {np.count_nonzero(weights >= threshold):,} at this threshold)"
    more = limit if np.count_nonzero(weights >= threshold) > MOST_EDGES else ""
    st.markdown(f"**{drawn.sum():,}** of {possible:,} edges are drawn{more}; they carry **{mass:.0%}** of the weight.")


def _draw_clickable(figure, key: str, alt: str, position: int) -> None:
    """Draw a graph. A click chooses a token."""
    key = f"{key}:{position}"  # a new graph for a new choice, so that none stays greyed out
    chart(figure, key=key, alt=alt, on_click=lambda clicked: choose({POSITION: clicked[0]}))
