"""Write numbers and text of unknown origin in a sentence."""

from explorer.figures.tokens import spelled


def count(number: int, noun: str) -> str:
    """Return a number and its noun, in the singular for one.

    >>> count(1, "token"), count(1200, "token")
    ('1 token', '1,200 tokens')
    """
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def describe_ngrams(longest: int) -> str:
    """Say what the n-grams of a model are; empty where it has none. longest: `GPTConfig.ngrams`.

    >>> describe_ngrams(4)
    'This model adds vectors for the last 2, 3 and 4 tokens (n-grams) to each embedding.'
    """
    if longest == 1:
        return ""
    *shorter, last = (str(n) for n in range(2, longest + 1))
    lengths = f"{', '.join(shorter)} and {last}" if shorter else last
    return f"This model adds vectors for the last {lengths} tokens (n-grams) to each embedding."


def plain(text: str, longest: int = 80) -> str:
    """Make text of unknown origin safe inside Markdown: shortened, marks escaped, control characters visible."""
    text = text if len(text) <= longest else text[: longest - 1] + "…"
    return "".join(f"\\{c}" if c in "\\`*_{}[]()<>#+-.!|~$:&\"'" else c for c in spelled(text))
