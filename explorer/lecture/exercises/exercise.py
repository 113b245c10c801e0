"""An exercise as data: what it asks, how the person answers, and what counts as right."""

from collections.abc import Callable, Collection
from dataclasses import dataclass


@dataclass(frozen=True)
class Number:
    """The person types a number."""

    answer: Callable[[], float]  # runs when the person checks, so it may compute
    within: float = 0  # the largest error that counts as right
    digits: int = 0  # after the point


@dataclass(frozen=True)
class Options:
    """The person picks one option."""

    options: tuple[str, ...]
    right: Callable[[], Collection[str]]  # the options that count as right; runs when the person checks


@dataclass(frozen=True)
class Exercise:
    """An exercise of a chapter. question, hint, why: Markdown, of which the sheet prints bold words and code."""

    name: str  # of letters, digits, "-" and ":"; the cookie and the links keep it
    chapter: str  # its id
    question: str
    hint: str  # leads to the answer, and does not say it
    why: str  # explains the answer, below it
    ask: Number | Options
    on_page: bool = False  # whether the page asks it itself, with the numbers that it shows
    for_class: bool = False  # whether the lesson plans and the sheet of a lesson use it
