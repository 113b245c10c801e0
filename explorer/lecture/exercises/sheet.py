"""Exercises as one page to print: questions with lines to write on, or answers for the teacher. No scripts."""

import re
from collections.abc import Iterable, Sequence
from html import escape
from itertools import groupby

from explorer.lecture.exercises.exercise import Exercise, Number
from explorer.lecture.kit.acts import act_of
from explorer.lecture.kit.chapters import Chapter, find_chapter
from explorer.lecture.kit.exercise import number_in_words
from explorer.navigation import APP

LINES = 3  # to write on
STYLE = """
@page { size: A4; margin: 18mm; }
:root { color-scheme: light; }
body { background: #fff; color: #000; font: 11pt/1.45 sans-serif; max-width: 174mm; margin: 0 auto; padding: 8px; }
h1 { font-size: 18pt; margin: 0 0 4mm; }
h2 { font-size: 13pt; margin: 8mm 0 2mm; break-after: avoid; }
p { margin: 0 0 2mm; }
code { font: 10pt monospace; white-space: pre-wrap; }
.person { display: flex; gap: 8mm; margin-bottom: 6mm; }
.person span { border-bottom: 0.3mm solid #000; flex: 1; }
.exercise { break-inside: avoid; margin: 5mm 0 7mm; }
.chapter { font-size: 9pt; }
.options { display: flex; flex-wrap: wrap; gap: 1mm 6mm; list-style: none; margin: 0 0 2mm; padding: 0; }
.line { border-bottom: 0.2mm solid #000; height: 9mm; }
"""


def sheet(exercises: Sequence[Exercise], *, with_answers: bool = False) -> str:
    """Return a self-contained HTML page of exercises, act by act, black on white, for A4 paper.

    with_answers: the answers, computed here, in place of lines to write on.
    """
    heading = "Exercises with answers" if with_answers else "Exercises"
    person = "" if with_answers else '<div class="person"><span>Name</span><span>Date</span></div>'
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{heading}</title>\n'
        '<meta name="viewport" content="width=device-width">\n'
        f"<style>{STYLE}</style>\n</head>\n<body>\n<h1>{heading}</h1>\n{person}\n"
        f"{''.join(_acts(exercises, with_answers))}<p class='chapter'>{APP}</p>\n</body>\n</html>\n"
    )


def _acts(exercises: Sequence[Exercise], with_answers: bool) -> Iterable[str]:
    pairs = [(exercise, chapter) for exercise in exercises if (chapter := find_chapter(exercise.chapter))]
    number = 0
    for act, group in groupby(pairs, key=lambda pair: act_of(pair[1])):
        yield f"<h2>{escape(act.name)}</h2>\n"
        for exercise, chapter in group:
            number += 1
            yield _exercise(number, exercise, chapter, with_answers)


def _exercise(number: int, exercise: Exercise, chapter: Chapter, with_answers: bool) -> str:
    where = f"{chapter.title} · {chapter.time}" if chapter.time else chapter.title
    ask = exercise.ask
    options = "" if isinstance(ask, Number) else "".join(f"<li>☐ {escape(option)}</li>" for option in ask.options)
    listed = options and f'<ul class="options">{options}</ul>\n'
    below = (
        f"<p><strong>{escape(answer_in_words(exercise))}.</strong> {_to_html(exercise.why)}</p>\n"
        if with_answers
        else '<div class="line"></div>\n' * LINES
    )
    return (
        f'<div class="exercise">\n<p class="chapter">{escape(where)}</p>\n'
        f"<p><strong>{number}.</strong> {_to_html(exercise.question)}</p>\n{listed}{below}</div>\n"
    )


def answer_in_words(exercise: Exercise) -> str:
    """Compute the answer of an exercise, and return it as the page writes it."""
    ask = exercise.ask
    if isinstance(ask, Number):
        return number_in_words(ask.answer())
    right = ask.right()
    return " or ".join(option for option in ask.options if option in right)


def _to_html(markdown: str) -> str:
    """Return the HTML of a sentence with code, bold and slanted words.

    >>> _to_html("Is **a** < `b*c`?")
    'Is <strong>a</strong> &lt; <code>b*c</code>?'
    """
    pieces = re.split(r"(`[^`]+`)", markdown)
    return "".join(_mark(piece) for piece in pieces)


def _mark(piece: str) -> str:
    if piece.startswith("`") and len(piece) > 1:
        return f"<code>{escape(piece[1:-1])}</code>"
    text = re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", escape(piece))
    return re.sub(r"\*(.+?)\*", r"<em>\1</em>", text)
