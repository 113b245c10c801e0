"""Claims of the lecture's pages: every number that a page prints, and what it is recomputed from.

A claim is a sentence with `{}` for each number and `{*}` for other text that varies, and a function that gives the
numbers again from `gpt/`, or cites them. What a page prints must be the number to its last printed digit. `MEASURED` is
a time on this machine, `ROUNDING` what remains of a difference that is zero in exact arithmetic.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from streamlit.testing.v1 import AppTest

MEASURED, ROUNDING = object(), object()
WORDS = {
    word: n
    for n, word in enumerate(["three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"], 3)
}
NUMBER = r"(?:[−+-]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:e[+-]?\d+)?|\b(?:" + "|".join(WORDS) + r")\b)"
LOOSE = re.compile(rf"(?<![\w.,-]){NUMBER}", re.IGNORECASE)  # GPT-2 and L0 are names
LINK = re.compile(r"\]\([^)]*\)")
MOMENT = re.compile(r"\b\d:[0-5]\d:[0-5]\d\b")  # the lecture's; test_chapters checks them
FIELDS = ("body", "label", "help", "text")


@dataclass(frozen=True)
class Claim:
    """A sentence, and its numbers again. numbers: given the app, a number for each `{}`."""

    sentence: str
    numbers: Callable[[], Any]

    @property
    def pattern(self) -> re.Pattern[str]:
        parts = re.split(r"(\{\*?\})", self.sentence)
        return re.compile(
            "".join({"{}": f"({NUMBER})", "{*}": ".*?"}.get(part, re.escape(part)) for part in parts), re.IGNORECASE
        )


def claim(sentence: str, *numbers: Any) -> Claim:
    """A claim whose numbers are known at once, or are one function that gives them."""
    return Claim(sentence, numbers[0] if len(numbers) == 1 and callable(numbers[0]) else lambda: numbers)


def lines(app: AppTest) -> Iterator[str]:
    """All text of a page: Markdown, captions, labels, tooltips, and metrics as `label = value`."""
    for element in app.main:
        proto = getattr(element, "proto", None)
        if element.type == "metric":
            yield f"{proto.label} = {proto.body}"
            yield proto.help
        elif element.type == "dataframe" and "InstructGPT" in element.value:
            yield from (" | ".join(map(str, row)) for row in element.value.itertuples(index=False))
        elif element.type not in ("code", "expander"):
            yield from (text for name in FIELDS if isinstance(text := getattr(proto, name, ""), str) and text)


def read(line: str) -> str:
    """A line without links, moments of the lecture, code and escapes."""
    without = MOMENT.sub("", LINK.sub("]", line))
    return without.replace("\\", "").replace("`", "").replace("**", "").replace("*", "").replace("&nbsp;", " ")


def value(printed: str) -> float:
    return float(WORDS.get(printed.lower(), printed.replace(",", "").replace("−", "-")))


def is_same(printed: str, number: float) -> bool:
    """Whether a number is the printed one, rounded to the digits that are printed."""
    if printed.lower() in WORDS:
        return WORDS[printed.lower()] == number
    mantissa, _, exponent = printed.partition("e")
    digits = len(mantissa.partition(".")[2])
    half = 0.5 * 10.0 ** (int(exponent or 0) - digits)
    return abs(value(printed) - number) <= half * 1.02 + 1e-12


def faults(app: AppTest, claims: list[Claim]) -> list[str]:
    """What a page prints that is not declared, or is another number than it should be."""
    found = []
    for line in map(read, lines(app)):
        rest = line
        for each in claims:
            for match in each.pattern.finditer(rest):
                numbers = each.numbers()
                expected = numbers if isinstance(numbers, list | tuple) else [numbers]
                printed = match.groups()
                if len(printed) != len(expected) or not all(map(_agrees, printed, expected)):
                    found.append(f"{match[0]!r} prints {printed}; recomputed: {expected}")
            rest = each.pattern.sub(" ", rest)
        found += [f"{number!r} is not declared in {line!r}" for number in LOOSE.findall(rest)]
    return found


def _agrees(printed: str, expected: Any) -> bool:
    if expected is MEASURED:
        return value(printed) >= 0
    return 0 <= value(printed) < 1e-5 if expected is ROUNDING else is_same(printed, float(expected))
