"""The controls of a lens page: prompt, model and position in one row."""

from typing import NamedTuple

import streamlit as st

from explorer.figures.tokens import labels
from explorer.opened import Opened
from explorer.shared import widgets
from explorer.shared.choices import POSITION
from explorer.shared.prompt import Reading

HELP = "The page follows the residual stream of this token. The model predicts the token after it."


class Subject(NamedTuple):
    """A model, a prompt, and a position in it."""

    opened: Opened
    reading: Reading
    position: int
    labels: list[str]  # of the tokens, each with its position


def pick_subject(no_layers: str) -> Subject | None:
    """Let the person choose prompt, model and position. Return None, below an explanation, where a lens has no input.

    no_layers: the explanation for a bigram, Markdown. Raises ValueError where the model cannot be opened.
    """
    left, middle, right = st.columns([8, 4, 3], gap="medium")
    opened, prompt = widgets.model_and_prompt(left, middle)
    if not opened.config.n_layer:
        widgets.empty_state("This model has no layers.", no_layers)
        return None
    reading = widgets.reading(opened, prompt)
    if reading is None:
        return None
    names = labels(reading.tokens)
    options, last = dict(enumerate(names)), len(names) - 1
    with right:
        position = POSITION.read(high=last, default=last)
        st.selectbox(options=options, format_func=options.__getitem__, **POSITION.bound(position, options, help=HELP))
    return Subject(opened, reading, position, names)
