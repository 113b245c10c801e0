"""The residual stream of one prompt, and what the layernorms make of it: the parts of the page, from top to bottom."""

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from explorer.choice import Choice
from explorer.explore.residual import figures as residual
from explorer.explore.residual import lens
from explorer.figures import style
from explorer.figures.next_token import next_token_bars
from explorer.opened import Opened
from explorer.shared import downloads, widgets
from explorer.shared.chart import chart
from explorer.shared.lens_controls import Subject

NORM = Choice("norm", label="Layernorm")
TAKEN_OUT = Choice("taken-out", label="Taken out")
TERMS = {
    "stream": "The residual stream: one vector a token that every layer reads, and adds what it has found to. "
    "“0 mid” is what stands there after the attention of layer 0, “0 post” after its MLP.",
    "norm": "The length of a vector: the root of the sum of its squared features.",
    "cosine": "Of the angle between two vectors: 1 where they point the same way, 0 at right angles, −1 opposite ways.",
    "plane": "The two directions (principal components) in which all these vectors differ most; the other directions are not shown.",
    "layernorm": "Makes each token's features have mean 0 and variance 1, then multiplies feature by feature with γ and adds β; "
    "both are learned.",
    "scale": "What the features are divided by: the root of their variance, √(var + 10⁻⁵).",
    "loss": "The mean of −ln p of each token of the prompt that really came next, in nats.",
}

NO_LAYERNORM = (
    ("This model has no layernorm.", "Pick one that has, such as a model of rung 6."),
    (
        "This model has batchnorm in place of layernorm.",
        "In use it scales and shifts each feature by numbers fixed in training, whatever the prompt: no statistics of tokens are taken.",
    ),
)


def _show(figure: go.Figure, alt: str, key: str) -> None:
    chart(figure, key=key, alt=alt)


def _norm_name(norm: str) -> str:
    """blocks.0.ln1 → 0 ln1."""
    return norm.removeprefix("blocks.").replace(".", " ").replace("ln_final", "final")


def stream(chosen: Subject) -> None:
    """How long the stream is at every point, which way it goes, and who writes how much."""
    opened, ids, position, labels = chosen.opened, chosen.reading.ids, chosen.position, chosen.labels
    path, config = lens.stream(opened, ids), opened.config
    left, right = st.columns(2, gap="medium")
    with left:
        st.subheader("How long the stream is", anchor=False, help=TERMS["stream"] + " " + TERMS["norm"])
        _show(residual.stream_norms(path.points, path.norms, labels, position), "Norm of the stream by point", "norms")
    with right:
        st.subheader("Which way it goes", anchor=False, help=TERMS["plane"])
        _show(
            residual.stream_path(path.points, path.plane, path.shares, labels, position), "Path of the stream", "path"
        )
    kind = "adds to" if config.residual else "has no residual connections here, and so replaces"
    widgets.caption(f"From the embedding on, every layer {kind} the vector that each token carries.", "1:26:48")
    downloads.stream(opened, chosen.reading)
    left, right = st.columns(2, gap="medium")
    with left:
        st.subheader("How much each part writes", anchor=False, help=TERMS["norm"])
        _show(residual.by_writer(path.writers, path.writes, labels, position, "norm of the write"), "Writes", "writes")
    with right:
        st.subheader("How far it turns the stream", anchor=False, help=TERMS["cosine"])
        figure = residual.by_writer(path.writers, path.cosines, labels, position, "cosine, before and after")
        _show(figure, "Cosine between successive points", "cosines")
    widgets.caption(
        f"{style.word(style.ACCENT).capitalize()} is attention, {style.word(style.SECOND)} the MLP; bars are the chosen token, "
        f"{style.word(style.MUTED)} ticks the prompt's mean.",
        "1:26:48",
    )


def layernorm(chosen: Subject) -> None:
    """What every layernorm takes out, what the picked one does to the features, and the model without it."""
    opened, ids, labels = chosen.opened, chosen.reading.ids, chosen.labels
    readings = {reading.name: reading for reading in lens.layernorms(opened, ids)}
    st.subheader("LayerNorm", anchor=False, help=TERMS["layernorm"])
    if not readings:
        widgets.empty_state(*NO_LAYERNORM[opened.config.norm == "batch"])
        return
    names = [_norm_name(name) for name in readings]
    left, right = st.columns(2, gap="medium")
    for column, quantity, diverging in ((left, "scale", False), (right, "mean", True)):
        values = np.stack([getattr(reading, quantity) for reading in readings.values()])
        with column:
            st.markdown(f"**The {quantity} it takes out**", help=TERMS.get(quantity))
            _show(residual.norm_heatmap(names, values, labels, quantity, diverging=diverging), quantity, quantity)
    widgets.caption("One row a layernorm, one column a token: what it divides by, and what it subtracts.", "1:32:51")

    shown = NORM.read(options=readings, default=list(readings)[-1])
    st.selectbox(options=list(readings), format_func=_norm_name, width=240, **NORM.bound(shown))
    reading = readings[shown]
    left, right = st.columns(2, gap="medium")
    with left:
        st.markdown("**Features before and after**")
        _show(residual.before_and_after(reading.before, reading.after), "Distributions before and after", "spread")
    with right:
        st.markdown("**γ and β**", help=TERMS["layernorm"])
        _show(residual.gain_and_shift(reading.gamma, reading.beta), "γ and β of every feature", "gain")
    no_beta = "" if opened.config.bias else " This model was built without biases, so β is 0."
    widgets.caption(
        f"Whatever the scale of what enters, what leaves has the scale that γ gives it.{no_beta}", "1:32:51"
    )
    _without(opened, ids, shown, tuple(readings))


def _without(opened: Opened, ids: tuple[int, ...], shown: str, every: tuple[str, ...]) -> None:
    """The same prompt with the chosen layernorm, or every one, taken out."""
    st.subheader("The same with the norm taken out", anchor=False)
    out = {f"only {_norm_name(shown)}": (shown,), "all of them": every}
    taken = list(out)[0 if (TAKEN_OUT.text or "").startswith("only") else 1]
    options = {name: name for name in out}
    st.segmented_control(options=options, required=True, **TAKEN_OUT.bound(taken, options))
    norms = out[taken]
    path, bare = lens.stream(opened, ids), lens.stream(opened, ids, norms)
    left, *columns = st.columns([4, 3, 3], gap="medium")
    with left:
        _show(residual.norms_with_and_without(path.points, path.norms, bare.norms), "Norms with and without", "without")
    for column, label, left_out in zip(columns, ("As trained", "Taken out"), ((), norms), strict=True):
        answer = lens.answer(opened, ids, left_out)
        with column:
            st.metric(f"{label}: loss", f"{answer.loss:.3f}" if len(ids) > 1 else "–", help=TERMS["loss"])
            _show(next_token_bars(answer.tokens, answer.probabilities), f"Next token, {label.lower()}", label)
    widgets.caption("The weights stay as they were trained; only the normalisation is left out.", "1:32:51")
