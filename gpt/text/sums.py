"""Sums of two numbers of two digits, with their mistakes: a text to imitate, questions never asked in it, and checks.

Half of the lines are wrong, by one or by ten, as in a forgotten carry. Arithmetic says which: no person and no model
has to judge an answer.
"""

import re
from collections.abc import Callable
from random import Random

END = "\n"
SHARE_WRONG = 0.5  # of the lines
SLIPS = (-10, -1, 1, 10)
SHARE_APART = 0.1  # of all questions; the text has none of them
QUESTION = re.compile(r"^(\d\d)\+(\d\d)=", re.MULTILINE)
_ALL = [(a, b) for a in range(10, 100) for b in range(10, 100)]
Random(1337).shuffle(_ALL)
_APART, _ASKED = _ALL[: int(SHARE_APART * len(_ALL))], _ALL[int(SHARE_APART * len(_ALL)) :]


def draw_line(rng: Random) -> str:
    """Draw a sum, half of the time with a slip: 27+15=42, or 27+15=32."""
    a, b = rng.choice(_ASKED)
    slip = rng.choice(SLIPS) if rng.random() < SHARE_WRONG else 0
    return f"{a}+{b}={a + b + slip}"


def questions_apart() -> list[str]:
    """Return the questions that no text of this kind has: "27+15=", …, in the same order each time."""
    return [f"{a}+{b}=" for a, b in _APART]


def questions_in(text: str) -> list[str]:
    """Return the questions of a text of sums, each once, without those that are kept apart.

    >>> questions_in("27+15=42\\n27+15=43\\n88+11=")
    ['27+15=', '88+11=']
    """
    apart = set(questions_apart())
    return [question for question in dict.fromkeys(m[0] for m in QUESTION.finditer(text)) if question not in apart]


def right_answer(question: str) -> str:
    """Return the sum, as a line ends with it.

    >>> right_answer("27+15=")
    '42\\n'
    """
    a, b = question.removesuffix("=").split("+")
    return f"{int(a) + int(b)}{END}"


def is_right(question: str, answer: str) -> bool:
    """Say whether an answer is the sum and then ends. This check cannot be cheated."""
    return answer == right_answer(question)


def ends_right(question: str, answer: str) -> bool:
    """Say whether the last digit of an answer is right. This check can be cheated: all other digits may be wrong.

    >>> ends_right("27+15=", "42\\n"), ends_right("27+15=", "2\\n"), ends_right("27+15=", "43\\n")
    (True, True, False)
    """
    return answer[-2:] == right_answer(question)[-2:]


CHECKS: dict[str, Callable[[str, str], bool]] = {"sum": is_right, "last digit": ends_right}
