"""Open a real model: the progress of an opening, and the dialog that adds a model to the list."""

from contextlib import suppress
from pathlib import Path

import streamlit as st

from explorer import openings, state
from explorer.choice import Choice, choose
from explorer.real_models import SMOLLM2, RealModel, add_model, is_missing, list_models, may_open, remove_model
from explorer.shared.words import plain

DIALOG = "open model"  # the name of the choice whose dialog is open
SOURCE = "open model:source"  # what this session opens in the dialog
FRAME = 0.2  # seconds between two looks at the progress
PLACEHOLDER = "EleutherAI/pythia-70m, ~/models/my-model or ~/models/tiny.gguf"
HELP = (
    "A Hub id, such as EleutherAI/pythia-70m, is downloaded once. A folder needs config.json and safetensors. "
    "A .gguf file may be quantised. Pickles are never opened."
)


def await_model(real: RealModel) -> bool:
    """Draw the progress of opening a model, until it is in memory. Return whether it is, else explain why not."""
    if is_missing(real):
        with st.container(border=True):
            st.markdown(f"**{real.title} is not installed.**")
            st.markdown("Run this command in the folder of the app, once. It downloads 93 MB. Then reload this page.")
            st.code("make smollm2", language="sh")
        return False
    return _await(real.source, real.title)


def offer(choice: Choice) -> None:
    """Draw the button that opens the dialog, and the dialog while it is open. choice: what an opened model is for."""
    if not may_open():
        return
    if st.button("Open a model…", type="tertiary", icon=":material/folder_open:", key=f"open:{choice.name}", help=HELP):
        state.remember(DIALOG, choice.name)
        state.remember(SOURCE, None)
    if state.recall(DIALOG) == choice.name:
        st.dialog("Open a model", width="medium", on_dismiss=_close)(_draw)(choice)


def _draw(choice: Choice) -> None:
    with st.form("open:form", border=False):
        given = st.text_input("Hub id, folder, or .gguf file", placeholder=PLACEHOLDER, help=HELP).strip()
        if st.form_submit_button("Open model", type="primary") and given:
            openings.forget_failed(_source_of(given))
            state.remember(SOURCE, _source_of(given))
    source = state.recall(SOURCE)
    if source and _await(source, Path(source).name):
        _take(source, choice)
    _draw_list()


def _take(source: str, choice: Choice) -> None:
    """Add the model that was opened to the list, and choose it."""
    model = openings.start(source).model
    if model is not None:
        choose({choice: add_model(source, model).ref})
        _close()
        st.rerun()


def _draw_list() -> None:
    """Draw the models that were opened here, each with a button that removes it from the list."""
    listed = [model for model in list_models().values() if model != SMOLLM2]
    if listed:
        st.markdown("**Models on the list**")
    for model in listed:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"{plain(model.title)} · {model.n_layer} × {model.n_head} heads, {model.size}", width="stretch")
            st.button(
                "Remove", key=f"remove:{model.ref}", on_click=_remove, args=(model.ref,), help=plain(model.source)
            )


def _await(source: str, title: str) -> bool:
    """Draw the progress until the model is in memory. Where it fails, say why, with a button that tries again."""
    opening, place = openings.start(source), st.empty()
    if opening.is_running:
        with place.container():
            bar = st.progress(0.0)
            st.button("Cancel", icon=":material/close:", key=f"cancel:{source}", on_click=opening.cancel)
            while not opening.wait(FRAME):
                bar.progress(opening.share, text=f"Opening {plain(title)}: {opening.words}")
    if opening.model is None:
        with place.container():
            st.error(plain(opening.problem, longest=1000), icon=":material/error:")
            retry = {"on_click": openings.forget_failed, "args": (source,), "key": f"retry:{source}"}
            st.button("Try again", icon=":material/refresh:", **retry)
        return False
    place.empty()
    return True


def _source_of(given: str) -> str:
    """Return what the person typed, or the whole path where it names a file or a folder of this machine."""
    with suppress(OSError, RuntimeError, ValueError):  # no home folder, a name that is too long or has a zero byte
        path = Path(given).expanduser()
        if path.exists():
            return str(path.resolve())
    return given


def _remove(ref: str) -> None:
    with suppress(ValueError):
        remove_model(ref)


def _close() -> None:
    state.remember(DIALOG, None)
    state.remember(SOURCE, None)
