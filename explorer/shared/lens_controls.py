"""The top of a page that looks into one prompt at one position: prompt, model and position in one row."""

from typing import NamedTuple

import streamlit as st

from explorer.figures.tokens import labels
from explorer.opened import Opened
from explorer.shared import widgets
from explorer.shared.choices import POSITION
from explorer.shared.prompt import Reading

HELP = "The token whose stream is followed. The model predicts what comes after it."


class Subject(NamedTuple):
    """What is looked at."""

    opened: Opened
    reading: Reading
    position: int
    labels: list[str]  # of the tokens, each with its position


def subject(no_layers: str) -> Subject | None:
    """Let the person choose prompt, model and position. None where there is nothing to look into, and why stands here.

    no_layers: Markdown that is said of a bigram. Raises ValueError where the model cannot be opened.
    """
    left, middle, right = st.columns([8, 4, 3], gap="medium")
    opened, prompt = widgets.model_and_prompt(left, middle)
    if not opened.config.n_layer:
        widgets.empty_state("This model has no layers.", no_layers)
        return None
    reading = widgets.reading(opened, prompt)
    if reading is None:
        return None
    named = labels(reading.tokens)
    with right:
        position = _position_picker(named)
    return Subject(opened, reading, position, named)


def _position_picker(named: list[str]) -> int:
    """Let the person choose a token of the prompt; the last one until then."""
    position = POSITION.read(high=len(named) - 1, default=len(named) - 1)
    options = dict(enumerate(named))
    st.selectbox(options=options, format_func=options.__getitem__, **POSITION.bound(position, options, help=HELP))
    return position
