"""The first fifteen minutes: three steps from what a head is to what breaks without it.

The first visit to the address without a link shows them above the first page. The page *Start* shows them at any time.
"""

from dataclasses import dataclass, field

import streamlit as st
from streamlit.components.v2 import component

from explorer import navigation, state

COOKIE = "attention-explorer-welcome"  # a browser that has it is not welcomed again
COPYING = {"model": "induction", "prompt": "planetsplane", "layer": "1", "head": "0"}  # a prompt that this head decides


@dataclass(frozen=True)
class Step:
    """One thing to see: what it is, and the view that shows it."""

    title: str
    text: str  # Markdown
    invitation: str  # on the button that opens it
    page: str  # file
    choices: dict[str, str] = field(default_factory=dict)


STEPS = (
    Step(
        "This square is one head",
        "Each row shows where one token looks: the stronger a cell's colour, the more it reads there. Point at one.",
        "See one head",
        "attention.py",
    ),
    Step(
        "This head copies",
        "The last *e* looks at the *t* that followed *e* the first time. So the model goes on with *t*.",
        "This head copies: see it",
        "attention.py",
        COPYING | {"query": "11", "key": "5"},
    ),
    Step(
        "Switch it off",
        "The bars show what comes next with this head and without it. Now type a prompt of your own, or pick an "
        "example.",
        "Switch it off: see what breaks",
        "interventions.py",
        COPYING | {"change": "zero"},
    ),
)
_remember_visit = component(
    "welcome",
    js=f"""export default function () {{
        document.cookie = "{COOKIE}=seen; path=/; max-age=31536000; SameSite=Lax";
    }}""",
)


def strip(page: str) -> None:
    """Above a page: the step that is shown there, with a button for the next. Nothing where no step is."""
    number = state.recall("welcome")
    if number is None:
        number = -1 if state.is_link() or COOKIE in st.context.cookies else 0
        state.remember("welcome", number)
    if number < 0 or navigation.page(STEPS[number].page).title != page:
        return
    step, following = STEPS[number], STEPS[number + 1 :]
    welcome = f"**{navigation.APP}.** {navigation.SENTENCE}  \n" if number == 0 else ""
    with st.container(border=True, horizontal=True, vertical_alignment="center", key="welcome"):
        st.markdown(f"{welcome}{number + 1} of {len(STEPS)} · **{step.title}.** {step.text}")
        if following and st.button(following[0].invitation, type="primary"):
            _open(number + 1)
        label = "Skip" if following else "Done"
        st.button(label, type="tertiary", on_click=state.remember, args=("welcome", -1))
        _remember_visit(key="visited", width=1)


def steps() -> None:
    """All steps side by side, each with a button that opens it."""
    for number, (column, step) in enumerate(zip(st.columns(len(STEPS), gap="medium", border=True), STEPS, strict=True)):
        with column:
            st.markdown(f"{number + 1} · **{step.title}**")
            st.markdown(step.text)
            if st.button(step.invitation, type="primary" if number == 0 else "secondary"):
                _open(number)


def _open(number: int) -> None:
    state.remember("welcome", number)
    st.switch_page(navigation.page(STEPS[number].page), query_params=STEPS[number].choices)
