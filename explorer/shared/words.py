"""Numbers, and text that is not ours, as a sentence on a page shows them."""

from explorer.figures.tokens import spelled


def count(number: int, noun: str) -> str:
    """A number and its noun, in the singular for one.

    >>> count(1, "token"), count(1200, "token")
    ('1 token', '1,200 tokens')
    """
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def plain(text: str, longest: int = 80) -> str:
    """Text that is not ours, safe inside Markdown: shortened, its marks escaped, its control characters visible."""
    text = text if len(text) <= longest else text[: longest - 1] + "…"
    return "".join(f"\\{c}" if c in "\\`*_{}[]()<>#+-.!|~$:&\"'" else c for c in spelled(text))
