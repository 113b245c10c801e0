"""An exercise: a question, an answer that the person types or picks, a verdict in plain words, and a hint."""

from collections.abc import Collection, Sequence
from typing import Any

import streamlit as st

from explorer import state
from explorer.lecture.kit.classroom import hidden
from explorer.shared.words import plain

GAVE_UP = "gave up"


def ask_number(name: str, question: str, answer: float, *, within: float, hint: str, why: str, **look: Any) -> bool:
    """Let the person type a number. Return whether the exercise is over: the answer was right, or was shown.

    name: of this exercise with its numbers: with other numbers it starts again. within: the largest error that counts
    as right. hint, why: Markdown; why appears below the right answer. look: of `st.number_input`.
    """
    with st.container(horizontal=True, vertical_alignment="bottom"):
        look = {"width": 300, "placeholder": "your answer", **look}
        given = st.number_input(question, value=None, key=f"{name}:answer", persist_state="session", **look)
        _draw_buttons(name, hint, given)
    shown = f"{answer:,.4g}" if isinstance(answer, float) else f"{answer:,}"
    return _draw_verdict(name, shown.replace("-", "−"), why, lambda given: _judge_number(given, answer, within))


def ask_option(
    name: str, question: str, options: Sequence[str], right: Collection[str], *, hint: str, why: str
) -> bool:
    """Let the person pick one of the options; nothing is picked at first. Return whether the exercise is over.

    right: the options that count as right. name, hint, why: as in `ask_number`.
    """
    look: dict[str, Any] = {"format_func": plain, "persist_state": "session", "wrap": True}
    given = st.pills(question, options, key=f"{name}:answer", **look)
    with st.container(horizontal=True, vertical_alignment="center"):
        _draw_buttons(name, hint, given)
    shown = " or ".join(plain(option) for option in options if option in right)
    return _draw_verdict(name, shown, why, lambda given: "" if given in right else "that is another one")


def _draw_buttons(name: str, hint: str, given: Any) -> None:
    if st.button("Check", key=f"{name}:check", icon=":material/check:", disabled=given is None):
        state.remember(f"{name}:given", given)
    with st.popover("Hint", icon=":material/lightbulb:", type="tertiary"):
        st.markdown(hint)
    if not hidden("answers") and st.button("Show the answer", key=f"{name}:give-up", type="tertiary"):
        state.remember(f"{name}:given", GAVE_UP)


def _draw_verdict(name: str, shown: str, why: str, judge: Any) -> bool:
    """Draw the verdict of the last check, and return whether the exercise is over.

    judge: an answer → what is wrong with it, or "".
    """
    given = state.recall(f"{name}:given")
    if given is None:
        return False
    if given == GAVE_UP:
        st.info(f"The answer is **{shown}**. {why}", icon=":material/visibility:")
        return True
    wrong = judge(given)
    if wrong:
        st.warning(f"**Not yet:** {wrong}. Try again, or open the hint.", icon=":material/close:")
        return False
    st.success(f"**Right:** {shown}. {why}", icon=":material/check:")
    return True


def _judge_number(given: float, answer: float, within: float) -> str:
    if abs(given - answer) <= within:
        return ""
    shown = f"{given:,.6g}".replace("-", "−")
    if answer and abs(given + answer) <= within:
        return f"{shown} has the right size and the wrong sign"
    return f"{shown} is too {'large' if given > answer else 'small'}"
