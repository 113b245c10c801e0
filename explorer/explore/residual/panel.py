"""The residual stream of one prompt, and the layernorms: the parts of the page, from top to bottom."""

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from explorer.choice import Choice
from explorer.explore.residual import figures, lens
from explorer.figures import style
from explorer.figures.next_token import next_token_bars
from explorer.opened import Opened
from explorer.shared import downloads, widgets
from explorer.shared.chart import chart
from explorer.shared.lens_controls import Subject

NORM = Choice("norm", label="Layernorm")
TAKEN_OUT = Choice("taken-out", label="Taken out")
TERMS = {
    "stream": "The residual stream: one vector per token. Every layer reads it and adds to it. "
    "“0 mid” is the stream after the attention of layer 0, “0 post” after its MLP.",
    "norm": "The length of a vector: the square root of the sum of its squared features.",
    "cosine": "The cosine of the angle between two vectors: 1 in the same direction, 0 at right angles, −1 opposite.",
    "plane": "The two directions (principal components) in which these vectors vary most. Others are not shown.",
    "layernorm": "It gives each token's features mean 0 and variance 1, multiplies by γ and adds β. Both are learned.",
    "scale": "The divisor of the features: the square root of their variance, √(var + 10⁻⁵).",
    "loss": "The mean of −ln p of the true next tokens of the prompt, in nats per token.",
}

NO_LAYERNORM = (
    ("This model has no layernorm.", "Pick a model with layernorm, for example of rung 6."),
    (
        "This model has batchnorm in place of layernorm.",
        "In use it scales and shifts each feature by numbers fixed in training, whatever the prompt: no statistics "
        "of tokens are taken.",
    ),
)


def _show(figure: go.Figure, alt: str, key: str) -> None:
    chart(figure, key=key, alt=alt)


def _norm_name(norm: str) -> str:
    """blocks.0.ln1 → 0 ln1."""
    return norm.removeprefix("blocks.").replace(".", " ").replace("ln_final", "final")


def draw_stream(subject: Subject) -> None:
    """Draw the norm and the path of the stream, and what attention and the MLP add."""
    opened, ids, position, labels = subject.opened, subject.reading.ids, subject.position, subject.labels
    path, config = lens.stream(opened, ids), opened.config
    left, right = st.columns(2, gap="medium")
    with left:
        st.subheader("Norm of the stream", anchor=False, help=TERMS["stream"] + " " + TERMS["norm"])
        _show(figures.stream_norms(path.points, path.norms, labels, position), "Norm of the stream by point", "norms")
    with right:
        st.subheader("Path of the stream", anchor=False, help=TERMS["plane"])
        _show(figures.stream_path(path.points, path.plane, path.shares, labels, position), "Path of the stream", "path")
    verb = "adds to" if config.residual else "has no residual connections here and replaces"
    widgets.caption(f"After the embedding, every layer {verb} the vector of each token.", "1:26:48")
    downloads.stream(opened, subject.reading)
    left, right = st.columns(2, gap="medium")
    with left:
        st.subheader("What each part adds", anchor=False, help=TERMS["norm"])
        _show(figures.by_writer(path.writers, path.writes, labels, position, "norm of the write"), "Writes", "writes")
    with right:
        st.subheader("How each part turns the stream", anchor=False, help=TERMS["cosine"])
        figure = figures.by_writer(path.writers, path.cosines, labels, position, "cosine, before and after")
        _show(figure, "Cosine between successive points", "cosines")
    widgets.caption(
        f"{style.word(style.ACCENT).capitalize()} is attention, {style.word(style.SECOND)} the MLP. Bars show the "
        f"chosen token, {style.word(style.MUTED)} ticks the mean over the prompt.",
        "1:26:48",
    )


def draw_layernorms(subject: Subject) -> None:
    """Draw the statistics of every layernorm, the features before and after one, and the model without it."""
    opened, ids, labels = subject.opened, subject.reading.ids, subject.labels
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
            st.markdown(f"**{quantity.capitalize()} of each token**", help=TERMS.get(quantity))
            _show(figures.norm_heatmap(names, values, labels, quantity, diverging=diverging), quantity, quantity)
    sentence = "One row per layernorm, one column per token. Layernorm subtracts the mean and divides by the scale."
    widgets.caption(sentence, "1:32:51")

    shown = NORM.read(options=readings, default=list(readings)[-1])
    st.selectbox(options=list(readings), format_func=_norm_name, width=240, **NORM.bound(shown))
    reading = readings[shown]
    left, right = st.columns(2, gap="medium")
    with left:
        st.markdown("**Features before and after**")
        _show(figures.before_and_after(reading.before, reading.after), "Distributions before and after", "spread")
    with right:
        st.markdown("**γ and β**", help=TERMS["layernorm"])
        _show(figures.gain_and_shift(reading.gamma, reading.beta), "γ and β of every feature", "gain")
    no_beta = "" if opened.config.bias else " This model was built without biases, so β is 0."
    widgets.caption(f"The output has the scale that γ gives it, whatever the scale of the input.{no_beta}", "1:32:51")
    _without(opened, ids, shown, tuple(readings))


def _without(opened: Opened, ids: tuple[int, ...], shown: str, every: tuple[str, ...]) -> None:
    """Draw the same prompt without the chosen layernorm, or without all of them."""
    st.subheader("The model without layernorm", anchor=False)
    removable = {f"only {_norm_name(shown)}": (shown,), "all of them": every}
    removed = list(removable)[0 if (TAKEN_OUT.text or "").startswith("only") else 1]
    options = {name: name for name in removable}
    st.segmented_control(options=options, required=True, **TAKEN_OUT.bound(removed, options))
    norms = removable[removed]
    path, bare = lens.stream(opened, ids), lens.stream(opened, ids, norms)
    left, *columns = st.columns([4, 3, 3], gap="medium")
    with left:
        _show(figures.norms_with_and_without(path.points, path.norms, bare.norms), "Norms with and without", "without")
    for column, label, left_out in zip(columns, ("As trained", "Taken out"), ((), norms), strict=True):
        answer = lens.answer(opened, ids, left_out)
        with column:
            st.metric(f"{label}: loss", f"{answer.loss:.3f}" if len(ids) > 1 else "–", help=TERMS["loss"])
            _show(next_token_bars(answer.tokens, answer.probabilities), f"Next token, {label.lower()}", label)
    widgets.caption("The weights are the trained ones; only the normalisation is left out.", "1:32:51")
