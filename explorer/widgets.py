"""What the pages share: the heading, the prompt, the choice of a model, captions, and what stands where nothing can."""

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from explorer import loading, state

LECTURE = "https://www.youtube.com/watch?v=kCc8FmEb1nY"
SHAKESPEARE = "First Citizen:\nBefore we proceed any further, hear me speak."


def heading(title: str, question: str) -> None:
    """A page's title and its one question."""
    st.title(title, anchor=False)
    st.markdown(question)


def lecture_link(chapter: str) -> str:
    """Markdown link to a moment of the lecture.

    >>> lecture_link("1:02:00")
    '[1:02:00](https://www.youtube.com/watch?v=kCc8FmEb1nY&t=3720s)'
    """
    seconds = 0
    for part in chapter.split(":"):
        seconds = 60 * seconds + int(part)
    return f"[{chapter}]({LECTURE}&t={seconds}s)"


def caption(sentence: str, chapter: str) -> None:
    """A figure's one sentence, with the lecture's moment behind it."""
    st.caption(f"{sentence} Lecture {lecture_link(chapter)}.")


def model_picker(label: str = "Model", choice: str = "model", default: str | None = None) -> str | None:
    """Let the person pick a model; returns its reference, or None where there is none at all.

    An unknown name in the URL is reported and the default shown instead.
    """
    names = list(loading.models())
    if not names:
        return None
    wanted = state.choice(choice)
    shown = wanted if wanted in names else default if default in names else names[0]
    st.selectbox(label, names, **state.bound(choice, shown))
    if wanted is not None and wanted != shown:
        message = f"There is no model called “{plain(wanted)}” here; this is {plain(shown)}."
        st.warning(message, icon=":material/search_off:")
    return shown


def prompt_box() -> str:
    """The prompt, the same on every page that has one."""
    wanted = state.choice("prompt")
    shown = SHAKESPEARE if wanted is None else wanted[: state.LONGEST_PROMPT]
    st.text_area("Prompt", height=68, max_chars=state.LONGEST_PROMPT, **state.bound("prompt", shown))
    return shown


def plain(text: str, longest: int = 80) -> str:
    """Text that was not ours, safe inside Markdown: shortened, its control characters visible, its marks escaped."""
    from explorer.figures.tokens import visible

    text = text if len(text) <= longest else text[:longest] + "…"
    return "".join(f"\\{c}" if c in r"\`*_{}[]()<>#+-.!|~$:" else visible(c) if c != " " else c for c in text)


@contextmanager
def guarded() -> Iterator[None]:
    """Show the ValueErrors of what is done inside as text, where they arise."""
    try:
        yield
    except ValueError as error:
        st.error(plain(str(error), longest=1000), icon=":material/error:")


def empty_state(title: str, suggestion: str) -> None:
    """What stands in a picture's place where there is nothing to draw, and what would bring it."""
    with st.container(border=True):
        st.markdown(f"**{title}**")
        st.markdown(suggestion)
