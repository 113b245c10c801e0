"""Guess first: a question before a number appears, a verdict after it, and the person's score.

The first guess of each question counts. The browser keeps the score in a cookie.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import streamlit as st

from explorer import state
from explorer.lecture.kit.classroom import hidden, note_hidden
from explorer.lecture.kit.verdicts import Verdicts
from explorer.shared import widgets

ASKED = {  # name of a question → its chapter, and what it asks
    "intro": ("intro", "What comes next?"),
    "data:vocabulary": ("tokens", "How much shorter is a text in joined tokens?"),
    "bigram:loss": ("bigram", "What is the loss before training?"),
    "averaging:v2": ("batched-product", "How much faster is one product than two loops?"),
    "notes:cheating": ("decoders", "What is the loss without the mask?"),
    "notes:scale": ("scaled-scores", "How large is the largest weight without the scale?"),
    "block:feedforward": ("feedforward", "What does the feedforward layer gain?"),
    "block:residual": ("residuals", "How much gradient reaches the first block?"),
    "translate:month": ("translation", "Which letter of a month is read?"),
    "nanogpt:loop": ("nanogpt", "How fast are all heads at once?"),
    "chat:leash": ("rewards", "How far does a policy go without a leash?"),
}
RIGHT, NEAR, WRONG = "right", "near", "wrong"
BADGES = {
    RIGHT: ":green-badge[:material/check_circle: Right]",
    NEAR: ":orange-badge[:material/adjust: Near]",
    WRONG: ":gray-badge[:material/cancel: Wrong]",
}
CLOSE, WITHIN = 0.05, 0.25  # relative errors of a typed number that is right, and of one that is near
SCORE = Verdicts("guesses", ASKED, (RIGHT, NEAR, WRONG))


def guess(name: str, question: str, options: Collection[str] | None = None, *, about: Any = None) -> str | None:
    """Let the person guess before a number appears. Return the guess, "" if they skip it, None until then.

    name: of `ASKED`. options: the answers to pick from; None: the person types a number. about: what else the
    question depends on, such as the prompt. Where the answers are hidden, it stays None.
    """
    if hidden("guess"):
        return None if hidden("answers") else ""
    note_hidden("guess")
    key = name if about is None else f"{name}:{hash(about)}"
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if options is None:
            number = st.number_input(question, value=None, key=f"{key}:guess", placeholder="a number", width=260)
            chosen = None if number is None else f"{number:g}"
        else:
            chosen = st.pills(question, list(options), key=f"{key}:guess", persist_state="session", wrap=True)
        if st.button("Guess", key=f"{key}:try", icon=":material/psychology_alt:", disabled=chosen is None):
            state.remember(f"{key}:guessed", chosen)
        if not hidden("answers") and st.button("Just show it", key=f"{key}:show", type="tertiary"):
            state.remember(f"{key}:guessed", "")
    note_hidden("answers")
    guessed = state.recall(f"{key}:guessed")
    if guessed and hidden("answers"):
        st.caption(f"You guessed {guessed}. The teacher shows the answer later.")
    return None if hidden("answers") else guessed


def show_verdict(
    name: str, guessed: str, truth: float | str, options: Mapping[str, float] | Sequence[str] = (), *, near: Any = ()
) -> None:
    """Say whether a guess is right, near or wrong, and keep the score of the first one.

    options: the answers with their values, or in the order of a scale if `truth` is one of them; none for a typed
    number. near: other answers that are near.
    """
    if not guessed:
        return
    key = f"{name}:verdict:{guessed}"  # the first one stays: times are measured again at each visit
    shown = state.recall(key)
    if shown is None:
        verdict, answer = judge(guessed, truth, options, near)
        shown = verdict, answer
        state.remember(key, shown)
        SCORE.add(name, verdict)
    verdict, answer = shown
    best = "" if verdict == RIGHT else f" The answer is {widgets.plain(answer)}."
    st.markdown(f"{BADGES[verdict]} You guessed {widgets.plain(guessed)}.{best}")


def judge(
    guessed: str, truth: float | str, options: Mapping[str, float] | Sequence[str] = (), near: Collection[str] = ()
) -> tuple[str, str]:
    """Return the verdict and the true answer.

    >>> judge("2 ×", 9.0, {"1 ×": 1, "2 ×": 2, "10 ×": 10, "100 ×": 100})
    ('near', '10 ×')
    >>> judge("4.9", 4.8786)
    ('right', '4.88')
    """
    if not options:
        error = abs(float(guessed) - float(truth)) / abs(float(truth))
        return RIGHT if error <= CLOSE else NEAR if error <= WITHIN else WRONG, f"{truth:.3g}"
    answers = list(options)
    answer = _nearest(float(truth), options) if isinstance(options, Mapping) else str(truth)
    if guessed == answer:
        return RIGHT, answer
    is_beside = isinstance(options, Mapping) and abs(answers.index(guessed) - answers.index(answer)) == 1
    return NEAR if is_beside or guessed in near else WRONG, answer


def _nearest(truth: float, options: Mapping[str, float]) -> str:
    """The option with the nearest value: by ratio where all are positive, else by difference."""
    if min(truth, *options.values()) > 0:
        return min(options, key=lambda option: abs(math.log(options[option] / truth)))
    return min(options, key=lambda option: abs(options[option] - truth))
