"""The residual stream of one prompt, and the norms: the parts of the page, from top to bottom."""

from typing import TYPE_CHECKING

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
from explorer.shared.words import describe_ngrams

if TYPE_CHECKING:
    from gpt import GPTConfig
    from gpt.lens.norms import NormReading

NORM = Choice("norm", label="Norm")
TAKEN_OUT = Choice("taken-out", label="Taken out")
TERMS = {
    "stream": "The residual stream: one vector per token. Every layer reads it and adds to it. "
    "“0 mid” is the stream after the attention of layer 0, “0 post” after its MLP.",
    "parallel": "This model's attention and MLP read the same stream, side by side. So no part reads “mid”: it is the "
    "stream plus what attention adds, before the MLP's part is added.",
    "norm": "The length of a vector: the square root of the sum of its squared features.",
    "cosine": "The cosine of the angle between two vectors: 1 in the same direction, 0 at right angles, −1 opposite.",
    "plane": "The two directions (principal components) in which these vectors vary most. Others are not shown.",
    "layernorm": "It gives each token's features mean 0 and variance 1, multiplies by γ and adds β. Both are learned.",
    "RMSNorm": "It divides each token's features by their root mean square and multiplies by γ, which is learned. It "
    "takes out no mean and adds no β.",
    "layernorm scale": "The divisor of the features: the square root of their variance, √(var + ε) with a small ε.",
    "RMSNorm scale": "The divisor of the features: the root of their mean square, √(mean(x²) + ε) with a small ε.",
    "loss": "The mean of −ln p of the true next tokens of the prompt, in nats per token.",
}
SINK = (
    "The path of the first token is not drawn: it is an attention sink, and its vector is far longer than the others."
)
NO_NORM = (
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
        parallel = TERMS["parallel"] if config.parallel else ""
        st.subheader("Norm of the stream", anchor=False, help=f"{TERMS['stream']} {TERMS['norm']} {parallel}")
        _show(figures.stream_norms(path.points, path.norms, labels, position), "Norm of the stream by point", "norms")
    with right:
        st.subheader("Path of the stream", anchor=False, help=TERMS["plane"])
        _show(figures.stream_path(path.points, path.plane, path.shares, labels, position), "Path of the stream", "path")
    verb = "adds to" if config.residual else "has no residual connections here and replaces"
    sentence = f"After the embedding, every layer {verb} the vector of each token."
    rest = SINK if lens.leaves_out_first(opened, ids) else ""
    widgets.caption(f"{describe_ngrams(config.ngrams)} {sentence} {parallel}{rest}", "1:26:48")
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
    """Draw the statistics of every norm, the features before and after one, and the model without it."""
    opened, ids, labels = subject.opened, subject.reading.ids, subject.labels
    readings = {reading.name: reading for reading in lens.layernorms(opened, ids)}
    kind = norm_kind(opened.config)
    st.subheader("RMSNorm" if kind == "RMSNorm" else "LayerNorm", anchor=False, help=TERMS[kind])
    if not readings:
        widgets.empty_state(*NO_NORM[opened.config.norm == "batch"])
        return
    _draw_statistics([_norm_name(name) for name in readings], list(readings.values()), labels, kind)
    shown = NORM.read(options=readings, default=list(readings)[-1])
    label = kind[0].upper() + kind[1:]
    st.selectbox(options=list(readings), format_func=_norm_name, width=240, **NORM.bound(shown, label=label))
    reading = readings[shown]
    left, right = st.columns(2, gap="medium")
    with left:
        st.markdown("**Features before and after**")
        _show(figures.before_and_after(reading.before, reading.after), "Distributions before and after", "spread")
    with right:
        gain = "γ" if reading.beta is None else "γ and β"
        st.markdown(f"**{gain}**", help=TERMS[kind])
        _show(figures.gain_and_shift(reading.gamma, reading.beta), f"{gain} of every feature", "gain")
    bare = kind == "layernorm" and not opened.config.bias
    no_beta = " This model was built without biases, so β is 0." if bare else ""
    widgets.caption(f"The output has the scale that γ gives it, whatever the scale of the input.{no_beta}", "1:32:51")
    _without(opened, ids, shown, tuple(readings))


def norm_kind(config: "GPTConfig") -> str:
    """Name the norms of a model, as `TERMS` explains them."""
    return "RMSNorm" if config.norm == "rms" else "layernorm"


def _draw_statistics(names: list[str], readings: "list[NormReading]", labels: list[str], kind: str) -> None:
    """Draw the scale, and where the norm takes one out the mean, of each token."""
    left, right = st.columns(2, gap="medium")
    with left:
        scales = np.stack([reading.scale for reading in readings])
        st.markdown("**Scale of each token**", help=TERMS[f"{kind} scale"])
        _show(figures.norm_heatmap(names, scales, labels, "scale", diverging=False), "scale", "scale")
    means = [reading.mean for reading in readings if reading.mean is not None]
    with right:
        st.markdown("**Mean of each token**")
        if means:
            _show(figures.norm_heatmap(names, np.stack(means), labels, "mean", diverging=True), "mean", "mean")
        else:
            widgets.empty_state("RMSNorm takes out no mean.", "It only divides by the scale. It adds no β either.")
    does = "subtracts the mean and divides" if means else "divides"
    name = kind[0].upper() + kind[1:]
    widgets.caption(f"One row per {kind}, one column per token. {name} {does} by the scale.", "1:32:51")


def _without(opened: Opened, ids: tuple[int, ...], shown: str, every: tuple[str, ...]) -> None:
    """Draw the same prompt without the chosen norm, or without all of them."""
    st.subheader(f"The model without {norm_kind(opened.config)}", anchor=False)
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
            st.metric(f"{label}: loss", f"{answer.loss:.3f}" if np.isfinite(answer.loss) else "–", help=TERMS["loss"])
            if np.isfinite(answer.probabilities).all():
                _show(next_token_bars(answer.tokens, answer.probabilities), f"Next token, {label.lower()}", label)
            else:
                widgets.empty_state("There is no next token.", "The stream grows until its numbers overflow.")
    widgets.caption("The weights are the trained ones; only the normalisation is left out.", "1:32:51")
