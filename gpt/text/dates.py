"""Dates in words and in digits: a small translation; every digit has an origin in the source.

The words come in three orders, so a model must read where a part is; it cannot count.
"""

import difflib
import re
from dataclasses import dataclass
from datetime import date
from random import Random

MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
_TO_TWENTY = (
    "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh",
    "twelfth", "thirteenth",
    "fourteenth", "fifteenth", "sixteenth", "seventeenth", "eighteenth", "nineteenth", "twentieth",
)  # fmt: skip
DAYS = (*_TO_TWENTY, *(f"twenty-{ones}" for ones in _TO_TWENTY[:9]), "thirtieth", "thirty-first")
FIRST, LAST = date(1000, 1, 1), date(2999, 12, 31)
WORDINGS = ("{day} of {month}, {year}", "{month} {day}, {year}", "{year}, {day} of {month}")
_PATTERNS = tuple(
    re.compile(wording.format(day=r"(?P<day>[a-z-]+)", month=r"(?P<month>[a-z]+)", year=r"(?P<year>\d+)"), re.ASCII)
    for wording in WORDINGS
)


@dataclass(frozen=True)
class WrittenDate:
    """A date in words. spans: "day", "month" and "year" → (first character, one past the last)."""

    words: str
    day: date
    spans: dict[str, tuple[int, int]]

    @property
    def digits(self) -> str:
        """Year, month and day as ISO 8601 writes them: 1984-03-23."""
        return self.day.isoformat()

    def origins(self) -> list[range]:
        """Return, for each character of the digits, the characters of the words that determine it, none for “-”."""
        nothing = range(0)
        year, month, day = (range(*self.spans[part]) for part in ("year", "month", "day"))
        return [*(year[i : i + 1] for i in range(4)), nothing, month, month, nothing, day, day]


def in_words(day: date, wording: str = WORDINGS[0]) -> str:
    """
    >>> in_words(date(1984, 3, 23)), in_words(date(1984, 3, 23), WORDINGS[1])
    ('twenty-third of march, 1984', 'march twenty-third, 1984')
    """
    return wording.format(day=DAYS[day.day - 1], month=MONTHS[day.month - 1], year=day.year)


def read_date(words: str) -> WrittenDate:
    """Read a date in words. Raises ValueError with the part that is wrong, and what is allowed there.

    >>> read_date("twenty-third of march, 1984").digits
    '1984-03-23'
    """
    found = next(filter(None, (pattern.fullmatch(words) for pattern in _PATTERNS)), None)
    if found is None:
        examples = "”, “".join(in_words(date(1984, 3, 23), wording) for wording in WORDINGS)
        raise ValueError(f"{words!r} is not a wording that the model has learned; write “{examples}”")
    year = int(found["year"])
    if not FIRST.year <= year <= LAST.year:
        raise ValueError(
            f"the year {found['year']} is not among those that the model has learned: {FIRST.year} to {LAST.year}"
        )
    month, day = _index(found["month"], MONTHS, "month"), _index(found["day"], DAYS, "day")
    try:
        there = date(year, month, day)
    except ValueError as error:
        raise ValueError(f"there is no {found['day']} of {found['month']} in {year}; choose an earlier day") from error
    return WrittenDate(words, there, {part: found.span(part) for part in ("day", "month", "year")})


def draw_line(rng: Random) -> str:
    """Draw a date in words, “>”, and the same in digits."""
    day = date.fromordinal(rng.randint(FIRST.toordinal(), LAST.toordinal()))
    return f"{in_words(day, rng.choice(WORDINGS))}>{day.isoformat()}"


def _index(name: str, names: tuple[str, ...], what: str) -> int:
    """Return the number of the name, from 1."""
    if name not in names:
        near = difflib.get_close_matches(name, names, n=1) or [names[0]]
        raise ValueError(f"{name!r} is no {what} in words; write it as in {near[0]!r}")
    return names.index(name) + 1
