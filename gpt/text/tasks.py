"""Generated texts with known attention: which characters a head must read to predict the next one is known.

Every line of a task is drawn from one seeded generator, so a seed determines a text.
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from string import ascii_lowercase as LETTERS

from gpt.text import dates, sums

LINE_LENGTH = 64  # characters of a line of repeats, with its newline


@dataclass(frozen=True)
class Task:
    """A kind of generated text. `draw_line` makes one line, without its newline."""

    name: str
    description: str
    draw_line: Callable[[Random], str]

    def text(self, n_chars: int = 500_000, seed: int = 1337) -> str:
        """Draw whole lines until there are at least `n_chars` characters.

        Raises ValueError if `n_chars` is not positive.
        """
        if n_chars < 1:
            raise ValueError(f"n_chars is {n_chars}: ask for at least 1 character")
        rng = Random(seed)
        lines, length = [], 0
        while length < n_chars:
            lines.append(self.draw_line(rng) + "\n")
            length += len(lines[-1])
        return "".join(lines)


def repeated_sequence(period: int, seed: int) -> str:
    """Draw `period` different letters, and write them twice in a row: the probe for induction heads.

    No letter comes twice in a copy, so the letter after the earlier occurrence is the next one, and nothing else
    determines it: only induction can predict the second copy. Raises ValueError unless 1 ≤ period ≤ 26. Source: Olsson
    et al. 2022, "In-context Learning and Induction Heads".
    """
    if not 1 <= period <= len(LETTERS):
        raise ValueError(f"period is {period}: choose 1 to {len(LETTERS)}, since no letter comes twice in a copy")
    return 2 * "".join(Random(seed).sample(LETTERS, period))


def _repeats(rng: Random) -> str:
    copy = "".join(rng.sample(LETTERS, rng.randint(4, 20)))  # drawn without replacement, as in repeated_sequence
    return (LINE_LENGTH * copy)[: LINE_LENGTH - 1]


def _reversal(rng: Random) -> str:
    word = "".join(rng.choices(LETTERS, k=rng.randint(3, 12)))
    return f"{word}>{word[::-1]}"


def _sorting(rng: Random) -> str:
    letters = rng.sample(LETTERS, rng.randint(3, 10))
    return f"{''.join(letters)}>{''.join(sorted(letters))}"


def _addition(rng: Random) -> str:
    a, b = (rng.randrange(10 ** rng.randint(1, 3)) for _ in range(2))
    return f"{a}+{b}={a + b}"


TASKS: dict[str, Task] = {
    task.name: task
    for task in (
        Task(
            "repeats", "Random letters, then the same letters again and again: only induction predicts them.", _repeats
        ),
        Task("reversal", "A random word, then the same word backwards: abcde>edcba.", _reversal),
        Task("sorting", "Random letters, then the same letters in alphabetical order: dbca>abcd.", _sorting),
        Task("addition", "Sums of two numbers of up to three digits: 12+34=46.", _addition),
        Task("sums", "Sums of two numbers of two digits; half of them are wrong: 27+15=42, 31+46=87.", sums.draw_line),
        Task("dates", "Dates in words and in digits: march twenty-third, 1984>1984-03-23.", dates.draw_line),
    )
}
