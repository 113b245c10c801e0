"""The top of a page that looks into one prompt at one position: prompt, model and position in one row."""

from typing import NamedTuple

import streamlit as st

from explorer import state
from explorer.figures.tokens import labels
from explorer.shared import loading, widgets

POSITION = "The token whose stream is followed. The model predicts what comes after it."


class Subject(NamedTuple):
    """What is looked at."""

    ref: str
    reading: loading.Reading
    position: int
    labels: list[str]  # of the tokens, each with its position


def subject(no_layers: str) -> Subject | None:
    """Let the person choose prompt, model and position. None where there is nothing to look into, and why stands here.

    no_layers: Markdown that is said of a bigram. Raises ValueError where the model cannot be opened.
    """
    left, middle, right = st.columns([8, 4, 3], gap="medium")
    ref, prompt = widgets.model_and_prompt(left, middle)
    with st.spinner("Opening the model…"):
        model = loading.load_model(ref)
    if not model.config.n_layer:
        widgets.empty_state("This model has no layers.", no_layers)
        return None
    reading = widgets.reading(ref, prompt)
    if reading is None:
        return None
    named = labels(reading.tokens)
    with right:
        position = _position_picker(named)
    return Subject(ref, reading, position, named)


def _position_picker(named: list[str]) -> int:
    """The last token until the person picks. A position that is not there is named and dropped; the last is shown instead."""
    wanted = state.choice("position")
    last = len(named) - 1
    given = wanted is not None and wanted == str(state.number("position")) and state.number("position") <= last
    shown = state.number("position") if given else last
    options = dict(enumerate(named))
    st.selectbox("Position", options, format_func=options.get, help=POSITION, **state.bound("position", shown, options))
    if wanted is not None and not given:
        sentence = f"There is no position {widgets.plain(wanted)} among {widgets.count(len(named), 'token')}; this is the last."
        widgets.let_go(sentence, "position")
    elif wanted is None:
        widgets.say_again("position")
    return shown
