"""Example prompts for every model and every text. A page begins with the first.

`tests/explorer/shared/test_examples.py` measures what a model does after them. The shell imports this file, so only
functions import gpt.
"""

from pathlib import Path

from explorer.opened import folder_of
from explorer.real_models import list_models
from explorer.shared.outline import outline, stamp

VALIDATION = (  # from the validation text of Tiny Shakespeare
    "MIRANDA:\nIf by your art, my dearest father, you have\nPut the wild waters in this roar, allay them.\n"
    "The sky, it seems, would pour down stinking pitch,\n"
)
SHAKESPEARE = {
    "A real choice next": "What is the city but the people",
    "Mid-word: certain": "Before we proceed any furth",
    "Which king?": "KING ",
    "A speaker's name": "JULIET:\nO Romeo, Romeo! wherefore art thou Romeo?\n\n",
    "Words that repeat": "A horse, a horse, my kingdom for a horse",
    "Not in the training text": VALIDATION,
}
TASKS = {
    "repeats": {
        "Repeats: induction": 2 * "kvmtdqwsaphrznje",
        "A word twice": "planetsplane",
        "A third time": "dragonflydragonflydrag",
        "Seen once: a guess": "planets",
        "In the middle": "kvmtdqwsaphrznjekvmtdq",
    },
    "reversal": {
        "Two letters to go": "citizen>nezit",
        "The first letter": "citizen>",
        "The same both ways": "level>",
        "Twelve letters": "conversation>",
        "A letter twice": "letter>ret",
    },
    "sorting": {
        "In the middle": "hfcad>acd",
        "The first letter": "hfcad>",
        "In order already": "abcde>",
        "In reverse order": "zyxwv>",
        "Ten letters": "qwertyuiop>",
    },
    "addition": {
        "The first digit": "12+34=",
        "The last digit": "12+34=4",
        "One to carry": "7+5=",
        "It carries twice": "999+1=",
        "Three digits": "250+250=",
    },
    "sums": {
        "A sum": "\n27+15=",
        "The last digit": "\n27+15=4",
        "One to carry": "\n58+37=",
        "It carries twice": "\n67+58=",
        "After another sum": "\n21+34=55\n21+34=",
    },
    "dates": {
        "The year": "march twenty-third, 1984>",
        "The month": "march twenty-third, 1984>1984-",
        "The day": "march twenty-third, 1984>1984-03-",
        "The day first": "second of may, 2001>",
        "The year first": "1666, second of september>",
    },
    "dialogues": {
        "A question": "Question:\nWhere is the king?\n\nAnswer:\n",
        "Another person": "Question:\nWhy weeps the nurse?\n\nAnswer:\n",
        "Half an answer": "Question:\nHow died the duke?\n\nAnswer:\nMy lord, the duke died ",
        "No answer yet": "Question:\nWhat fears the captain?\n\n",
        "Never asked": "Question:\nWho art thou?\n\nAnswer:\n",
    },
}
REAL = {
    "A name twice": "Mr. Dursley was proud to say. Mrs. Durs",
    "An unknown name twice": "Anna asked Grellis a question. The answer came from Grell",
    "A fact": "The capital of France is",
    "Who gave it?": "When Mary and John went to the store, John gave a drink to",
    "Words that repeat": "A horse, a horse, my kingdom for a",
    "Code": "def double(numbers):\n    return [2 * number for number in",
}
OPENING = 60  # characters of a text
READ = 400  # characters at either end of a text


def of_model(ref: str) -> dict[str, str]:
    """Return name → prompt for the text that this model was trained on. Raises ValueError if there is no such model."""
    return REAL if ref in list_models() else of_folder(folder_of(ref))


def of_folder(folder: Path) -> dict[str, str]:
    """Return name → prompt for the text that the run in this folder was trained on."""
    own = folder / "text.txt"
    return _in_text(*_ends(own)) if stamp(own) else of_text(outline(folder).text or "")


def of_text(name: str, text: str = "") -> dict[str, str]:
    """Return name → prompt for a text, by its name if it is known, else by its characters."""
    if name in TASKS or not text or name.startswith("tinyshakespeare"):
        return TASKS.get(name, SHAKESPEARE)
    return _in_text(text[:READ], text[-READ:])


def _ends(file: Path) -> tuple[str, str]:
    with file.open("rb") as text:
        beginning = text.read(READ)
        text.seek(max(0, file.stat().st_size - READ))
        return beginning.decode("utf-8", "ignore"), text.read().decode("utf-8", "ignore")


def _in_text(beginning: str, end: str) -> dict[str, str]:
    """Return examples from the first words of any text: before a word, inside a word, before a line, repeated."""
    opening = beginning[:OPENING]
    words = opening[: opening.rfind(" ") + 1] or opening
    line = beginning[: beginning.find("\n") + 1]
    prompts = {
        "A word comes next": words,
        "Mid-word": words.rstrip()[:-1],
        "A line comes next": line,
        "The same twice": 2 * words,
        "The text's end": end[-OPENING:],
    }
    return {name: prompt for name, prompt in prompts.items() if prompt}
