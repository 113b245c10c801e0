"""Questions with their answers, in the alphabet of Tiny Shakespeare, and how much an answer is preferred.

A dialogue is written as the plays are, speaker by speaker, so a model that was trained on them can read it. The
preferences are made up, and defined by `POINTS`; real preferences come from people. Source: lecture 01:48:53; Ouyang et
al. 2022, arXiv:2203.02155.
"""

import re
from collections.abc import Callable, Sequence
from itertools import product
from random import Random
from typing import NamedTuple

DESCRIPTION = (
    "150 questions about people in a play, each with four answers of different manners: demonstrations for finetuning."
)
PEOPLE = (
    "king", "queen", "duke", "prince", "nurse", "friar", "soldier", "fool", "lady", "mother", "father", "brother",
    "sister",
    "servant", "captain", "bishop", "widow", "tailor", "gaoler", "shepherd", "pilgrim", "cousin", "daughter", "tyrant",
    "porter",
)  # fmt: skip
MATTERS = {
    "Where is the {}?": ("is", ("in the tower", "in the garden", "at the gate", "in the hall")),
    "Whom loves the {}?": ("loves", ("the queen", "the fool", "a stranger", "no man")),
    "What fears the {}?": ("fears", ("the night", "the sword", "the sea", "the crown")),
    "When comes the {}?": ("comes", ("at noon", "at dawn", "tomorrow", "with the spring")),
    "Why weeps the {}?": ("weeps", ("for love", "for shame", "for a son", "for the dead")),
    "How died the {}?": ("died", ("by poison", "in battle", "of grief", "by the sword")),
}  # question → the verb of its answer, and what may follow
COURTESIES = ("My lord, ", "Good sir, ", "Sweet lady, ")
WORDY = (
    "and yet I know not what to say of it",
    "but they that told me so are not to be believed",
    "as all the world doth know",
)
ANSWERS = 4  # to each question
BRIEF = 60  # characters
END = "\n\n"
_EXCHANGE = re.compile(r"Question:\n(.+?)\n\nAnswer:\n(.+?\n\n)", re.DOTALL)


class Exchange(NamedTuple):
    """A question, and an answer that ends with a blank line."""

    question: str
    answer: str


def prompt_of(question: str) -> str:
    """Return what a model reads before it answers."""
    return f"Question:\n{question}{END}Answer:\n"


def text(seed: int = 1337) -> str:
    """Return the demonstrations as one text: every question with each of its answers, one after another."""
    rng = Random(seed)
    asked = [(question, person) for question in MATTERS for person in PEOPLE]
    rng.shuffle(asked)
    exchanges = [exchange for question, person in asked for exchange in _exchanges(rng, question, person)]
    return "".join(prompt_of(exchange.question) + exchange.answer for exchange in exchanges)


def _exchanges(rng: Random, question: str, person: str) -> list[Exchange]:
    """Draw answers of different manners to one question."""
    verb, endings = MATTERS[question]
    exchanges: list[Exchange] = []
    for courteous, manner in rng.sample(list(product((True, False), ("plain", "curt", "wordy"))), ANSWERS):
        ending = rng.choice(endings)
        answer = ending if manner == "curt" else f"the {person} {verb} {ending}"
        answer += f", {rng.choice(WORDY)}" if manner == "wordy" else ""
        answer = rng.choice(COURTESIES) + answer if courteous else answer[0].upper() + answer[1:]
        exchanges.append(Exchange(question.format(person), f"{answer}.{END}"))
    return exchanges


def exchanges_in(text: str) -> list[Exchange]:
    """Return the questions and answers of such a text, in order; one that is cut off at an end is left out.

    >>> exchanges_in("Question:\\nWho?\\n\\nAnswer:\\nI.\\n\\nQuestion:\\nWhy?")
    [Exchange(question='Who?', answer='I.\\n\\n')]
    """
    return [Exchange(*match.groups()) for match in _EXCHANGE.finditer(text)]


def split(exchanges: Sequence[Exchange], train_share: float = 0.9) -> tuple[list[Exchange], list[Exchange]]:
    """Split off the first share for training; validation has those of the rest whose question is not among them."""
    cut = int(train_share * len(exchanges))
    asked = {exchange.question for exchange in exchanges[:cut]}
    return list(exchanges[:cut]), [exchange for exchange in exchanges[cut:] if exchange.question not in asked]


def _is_courteous(question: str, answer: str) -> bool:
    return answer.startswith(COURTESIES) and sum(answer.count(courtesy.strip(" ,")) for courtesy in COURTESIES) == 1


def _names_who(question: str, answer: str) -> bool:
    return bool(words := re.findall(r"[A-Za-z]+", question)) and words[-1] in re.findall(r"[A-Za-z]+", answer)


def _is_brief(question: str, answer: str) -> bool:
    return len(answer) <= BRIEF


def _is_finished(question: str, answer: str) -> bool:
    return answer.endswith(f".{END}")


POINTS: dict[str, Callable[[str, str], bool]] = {
    "one courtesy at its beginning, and no second": _is_courteous,
    "the question's last word, whom it is about": _names_who,
    f"at most {BRIEF} characters": _is_brief,
    "a full stop and a blank line at its end": _is_finished,
}


def preference(question: str, answer: str) -> int:
    """Count the `POINTS` that an answer meets, 0 to 4. answer: with the blank line that ends it, if any.

    >>> question = "Where is the king?"
    >>> preference(question, "My lord, the king is in the tower.\\n\\n"), preference(question, "Fie")
    (4, 1)
    """
    return sum(holds(question, answer) for holds in POINTS.values())


def pairs(exchanges: Sequence[Exchange]) -> list[tuple[Exchange, Exchange]]:
    """Return all pairs of answers to one question with different preferences, the preferred one first.

    K answers give up to K(K−1)/2 pairs. Source: Ouyang et al. 2022, arXiv:2203.02155, section 3.5.
    """
    scores = {exchange: preference(*exchange) for exchange in exchanges}
    return [
        (one, other)
        for one, other in product(dict.fromkeys(exchanges), repeat=2)
        if one.question == other.question and scores[one] > scores[other]
    ]
