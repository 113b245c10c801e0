"""The parts of a Transformer block: heads side by side, and the feedforward layer that thinks about what they have found."""

import numpy as np
import streamlit as st
import torch

from explorer import state
from explorer.figures.matrix import number_grid
from explorer.lecture.kit.controls import after_guess, chapter, guess, show_code
from explorer.navigation import PAGES
from explorer.shared import loading, widgets
from explorer.shared.chart import chart
from gpt import PRESETS
from gpt.lens.heads import pattern_distances
from gpt.model.attention import Attention
from gpt.model.mlp import MLP
from gpt.train.presets import PUBLISHED

REACHED = ("2.28, the same", "2.24", "2.1", "1.9", "1.5")


def heads() -> None:
    """How differently the heads of one layer read a prompt."""
    if not chapter(
        "Multi-headed attention: several conversations at once",
        "1:21:59",
        "Pick a layer and see how much of their attention two of its heads would have to move to read alike.",
    ):
        return
    left, right = st.columns([8, 4], gap="medium")
    ref, prompt = widgets.model_and_prompt(left, right)
    config = loading.load_run(ref).recipe.model
    if not config.n_layer or config.n_head == 1:
        widgets.empty_state("This model has no two heads in a layer.", "Pick one that has, such as one that ships.")
        return
    reading = widgets.reading(ref, prompt)
    if reading is None:
        return
    shown = min(state.number("layer"), config.n_layer - 1)
    st.selectbox("Layer", range(config.n_layer), help=widgets.TERMS["layer"], width=160, **state.bound("layer", shown))
    patterns = torch.from_numpy(loading.attention(ref, reading.ids)[shown])
    apart = pattern_distances(patterns).numpy()
    chart(
        number_grid(apart, rows="head", columns="head"),
        key="block:heads",
        alt=f"How differently the heads of layer {shown} read",
    )
    most, least = (_pair(apart, choice) for choice in (np.argmax, np.argmin))
    st.caption(
        f"0: two heads read alike; 1: they have no token in common. Furthest apart in layer {shown} are heads {most}, closest {least}. "
        "The mean over the tokens of the prompt of the total variation distance between two rows of weights."
    )
    show_code(pattern_distances, Attention.forward)


def _pair(apart: np.ndarray, choice) -> str:
    """The two heads that are chosen, and their distance."""
    one, other = np.triu_indices(len(apart), 1)
    at = choice(apart[one, other])
    return f"{one[at]} and {other[at]} ({apart[one[at], other[at]]:.2f})"


def feedforward() -> None:
    """What the feedforward layer buys, and where to train with and without it."""
    if not chapter(
        "Feedforward: each token thinks by itself",
        "1:24:25",
        "Attention gathers; this layer works on what was gathered, one token at a time. First guess: rung 3 of the ladder, without it, "
        f"reaches a loss of {PUBLISHED['rung-3'].loss:.2f} nats a character. What does rung 4 reach, with it?",
    ):
        return
    guessed = guess("block:feedforward", "Rung 4 reaches", REACHED)
    if guessed is None:
        return
    rungs = {rung: (PRESETS[f"rung-{rung}"], PUBLISHED[f"rung-{rung}"]) for rung in (3, 4)}
    for column, (rung, (preset, published)) in zip(st.columns(2), rungs.items(), strict=True):
        column.metric(
            f"Rung {rung}: {preset.about.removeprefix('… ')}",
            f"{published.loss:.2f}",
            help="Validation loss, nats a character.",
        )
    st.caption(
        f"{after_guess(guessed)}Validation losses in the lecture, in nats a character, after {rungs[3][0].steps:,} steps each."
    )
    st.page_link(PAGES / "race.py", label="Race them in Ladder race: choose 3 and 4", icon=":material/flag:")
    show_code(MLP)
