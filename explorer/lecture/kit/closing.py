"""Which chapters a class does not see yet: single ones, whole acts, or everything after a chapter, each by a word."""

from collections.abc import Callable, Sequence
from functools import cache

import streamlit as st

from explorer import state
from explorer.lecture.kit.acts import ACTS, act_of
from explorer.lecture.kit.chapters import CHAPTERS, find_chapter

AFTER = "after-"  # before a chapter's id: everything after this chapter
ACT_WORDS = {f"act-{act.number}": act.name for act in ACTS}
OPEN = "everything"


@cache
def words_that_hide(part: str) -> frozenset[str]:
    """Return every word that hides this part: its own, and for a chapter those of its act and of earlier chapters.

    A page that goes on with a chapter of the video is hidden with it.

    part: of every page of the lecture, or the id of a chapter.
    """
    here = find_chapter(part)
    if here is None:
        return frozenset({part})
    before = CHAPTERS[: CHAPTERS.index(here)]
    own = {here.id} | ({here.continues} if here.continues else set())
    return frozenset({*own, f"act-{act_of(here).number}", *(f"{AFTER}{chapter.id}" for chapter in before)})


def with_id(word: str) -> str:
    """Return the word with a chapter's id. An old link names a chapter by its time."""
    prefix = AFTER if word.startswith(AFTER) else ""
    chapter = find_chapter(word.removeprefix(prefix))
    return f"{prefix}{chapter.id}" if chapter else word


def is_of_several(word: str) -> bool:
    """Whether the word closes several chapters: an act, or everything after a chapter."""
    return word in ACT_WORDS or word.startswith(AFTER)


def name_of(word: str) -> str | None:
    """Return what a word of several chapters closes, None for other words.

    >>> name_of("act-2"), name_of("after-head"), name_of("head")
    ('Act 2: Attention', 'everything after “Version 4: self-attention”', None)
    """
    last = find_chapter(word.removeprefix(AFTER)) if word.startswith(AFTER) else None
    return f"everything after “{last.title}”" if last else ACT_WORDS.get(word)


def open_up_to(words: Sequence[str], last: str | None) -> list[str]:
    """Return the words with everything after this chapter closed, and all before it open as far as other words allow.

    last: a chapter's id; None closes nothing.
    """
    others = [word for word in words if not word.startswith(AFTER)]
    return [*others, f"{AFTER}{last}"] if last else others


def pick_open(words: Sequence[str], key: str, change: Callable[[list[str]], None]) -> None:
    """Let a teacher open the course up to a chapter, and close acts.

    words: that hide something now. change: called with the new words.
    """
    ends = {OPEN: "Everything is open"} | {
        chapter.id: f"{act_of(chapter).number} · {chapter.title}" for chapter in CHAPTERS if chapter.page
    }
    last = [word.removeprefix(AFTER) for word in words if word.startswith(AFTER)]

    def end_at(picked: str) -> None:
        change(open_up_to(words, None if picked == OPEN else picked))

    def close_acts(picked: list[str]) -> None:
        change([word for word in words if word not in ACT_WORDS] + picked)

    help = "All later chapters are hidden, on every page. The number is that of the act."
    st.selectbox(
        "Open up to", list(ends), format_func=ends.__getitem__, help=help,
        **state.tie_action(f"{key}:until", last[0] if last and last[0] in ends else OPEN, end_at),
    )  # fmt: skip
    closed = [word for word in ACT_WORDS if word in words]
    st.pills(
        "Closed acts", list(ACT_WORDS), selection_mode="multi", format_func=ACT_WORDS.__getitem__,
        **state.tie_action(f"{key}:acts", closed, close_acts),
    )  # fmt: skip
