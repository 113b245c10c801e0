"""The person's score: the verdicts of their guesses on all pages of the lecture."""

from typing import Any

import streamlit as st

from explorer.lecture.kit.classroom import hidden
from explorer.lecture.kit.controls import chapter, metrics
from explorer.lecture.kit.guesses import ASKED, BADGES, SCORE
from explorer.lecture.kit.sections import link_to_chapter


def own_guesses() -> None:
    """Draw the score, unless guesses are hidden."""
    if not hidden("guess"):
        _draw_score()


@chapter("Your guesses", "1:54:32", "Look back: which question would you answer differently now?")
def _draw_score() -> None:
    """How many guesses were right, near and wrong, and the verdict of every question."""
    verdicts = SCORE.read()
    counts = {verdict: list(verdicts.values()).count(verdict) for verdict in BADGES}
    values = {verdict.capitalize(): f"{count}" for verdict, count in counts.items()}
    metrics(values | {"Open": f"{len(ASKED) - len(verdicts)}"})
    with st.expander("All questions"):
        for name, (chapter_id, title) in ASKED.items():
            with st.container(horizontal=True, vertical_alignment="center"):
                link_to_chapter(chapter_id, title)
                st.markdown(BADGES[verdicts[name]] if name in verdicts else "open")
        st.caption("The first guess of each question counts. This browser keeps the score in a cookie for a year.")
        action: dict[str, Any] = {"disabled": not verdicts, "on_click": SCORE.clear}
        st.button("Delete my guesses", icon=":material/delete:", **action)
