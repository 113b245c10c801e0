"""An exercise: a question, an answer that the person types or picks, a verdict in plain words, and a hint."""

from collections.abc import Callable, Collection, Sequence
from typing import Any

import streamlit as st

from explorer import state
from explorer.lecture.exercises.record import RECORD, SHOWN, SOLVED
from explorer.lecture.kit.classroom import hidden, note_hidden
from explorer.shared.words import plain

GAVE_UP = "gave up"


def ask_number(
    name: str,
    question: str,
    answer: float | Callable[[], float],
    *,
    within: float,
    hint: str,
    why: str,
    record: str = "",
    **look: Any,
) -> bool:
    """Let the person type a number. Return whether the exercise is over: the answer was right, or was shown.

    Where exercises are hidden, nothing is drawn, and it is over unless answers are hidden too.
    name: of this exercise with its numbers: with other numbers it starts again. answer: a function runs only when the
    person checks. within: the largest error that counts as right. hint, why: Markdown; why appears below the right
    answer. record: the exercise's name in the person's record. look: of `st.number_input`.
    """

    def judge(given: float | str) -> tuple[str, str]:
        truth = answer() if callable(answer) else answer
        shown = number_in_words(truth)
        return "" if isinstance(given, str) else _judge_number(given, truth, within), shown

    if hidden("exercises"):
        return not hidden("answers")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        look = {"width": 300, "placeholder": "your answer", **look}
        given = st.number_input(question, value=None, key=f"{name}:answer", persist_state="session", **look)
        _draw_buttons(name, hint, given)
    return _draw_verdict(name, judge, why, record)


def ask_option(
    name: str,
    question: str,
    options: Sequence[str],
    right: Collection[str] | Callable[[], Collection[str]],
    *,
    hint: str,
    why: str,
    record: str = "",
    **look: Any,
) -> bool:
    """Let the person pick one of the options; nothing is picked at first. Return whether the exercise is over.

    right: the options that count as right; a function runs only when the person checks. look: of `st.pills`. name,
    hint, why, record: as in `ask_number`.
    """

    def judge(given: str) -> tuple[str, str]:
        truth = right() if callable(right) else right
        shown = " or ".join(plain(option) for option in options if option in truth)
        return "" if given in {*truth, GAVE_UP} else "that is another one", shown

    if hidden("exercises"):
        return not hidden("answers")
    look = {"format_func": plain, "persist_state": "session", "wrap": True, **look}
    given = st.pills(question, options, key=f"{name}:answer", **look)
    with st.container(horizontal=True, vertical_alignment="center"):
        _draw_buttons(name, hint, given)
    return _draw_verdict(name, judge, why, record)


def number_in_words(value: float) -> str:
    """Return a number as a verdict writes it.

    >>> number_in_words(-1234), number_in_words(4.17439)
    ('−1,234', '4.174')
    """
    return (f"{value:,.4g}" if isinstance(value, float) else f"{value:,}").replace("-", "−")


def _draw_buttons(name: str, hint: str, given: Any) -> None:
    if st.button("Check", key=f"{name}:check", icon=":material/check:", disabled=given is None):
        _take_answer(name, given)
    with st.popover("Hint", icon=":material/lightbulb:", type="tertiary"):
        st.markdown(hint)
    if not hidden("answers") and st.button("Show the answer", key=f"{name}:give-up", type="tertiary"):
        _take_answer(name, GAVE_UP)
    note_hidden("answers")


def _take_answer(name: str, given: Any) -> None:
    state.remember(f"{name}:given", given)
    state.remember(f"{name}:judged", None)


def _draw_verdict(name: str, judge: Callable[[Any], tuple[str, str]], why: str, record: str) -> bool:
    """Draw the verdict of the last check, keep it, and return whether the exercise is over.

    judge: an answer → what is wrong with it, or "", and the right answer in words.
    """
    given, judged = state.recall(f"{name}:given"), state.recall(f"{name}:judged")
    if given is None or (given == GAVE_UP and hidden("answers")):
        return False
    if judged is None:
        with st.spinner("Computing the answer …", show_time=True):
            judged = judge(given)
        state.remember(f"{name}:judged", judged)
        if not judged[0]:
            RECORD.add(record, SHOWN if given == GAVE_UP else SOLVED)
    wrong, shown = judged
    if wrong:
        st.warning(f"**Not yet:** {wrong}. Try again, or open the hint.", icon=":material/close:")
        return False
    if given == GAVE_UP:
        st.info(f"The answer is **{shown}**. {why}", icon=":material/visibility:")
    else:
        st.success(f"**Right:** {shown}. {why}", icon=":material/check:")
    RECORD.keep(name)
    return True


def _judge_number(given: float, answer: float, within: float) -> str:
    if abs(given - answer) <= within:
        return ""
    shown = f"{given:,.6g}".replace("-", "−")
    if answer and abs(given + answer) <= within:
        return f"{shown} has the right size and the wrong sign"
    return f"{shown} is too {'large' if given > answer else 'small'}"
