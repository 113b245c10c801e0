"""The attention view as one HTML file that opens without a server or a network."""

from collections.abc import Sequence

import numpy as np

from explorer.components import read
from explorer.components.attention_view import SCRIPTS, Arrangement, Look
from explorer.components.attention_view.encoding import Encoded, Head, encode
from explorer.components.attention_view.packing import check_patterns, pack
from explorer.components.page import as_function, data_block, page


def standalone_page(
    patterns: np.ndarray,
    tokens: Sequence[str],
    *,
    title: str,
    causal: bool = True,
    head: Head | None = None,
    layers: Sequence[int] | None = None,
    keys: Sequence[str] | None = None,
    hides_first: bool = False,
) -> bytes:
    """Return the view as one HTML file, in the system's theme.

    patterns, tokens, causal, head, layers, keys, hides_first: as `attention_view` takes them. title: above the view.
    Raises ValueError as `attention_view` does.
    Tokens travel as base64 and enter the page as text, so nothing in them is markup there.
    """
    checked = check_patterns(patterns, tokens, keys, causal=causal)
    encoded = encode(checked.__getitem__, len(checked), causal=causal, layers=layers, at_once=True)
    return page_of(encoded, tokens, title=title, look=Look(head), keys=keys, hides_first=hides_first)


def page_of(
    encoded: Encoded,
    tokens: Sequence[str],
    *,
    title: str,
    look: Look,
    keys: Sequence[str] | None = None,
    arrangement: Arrangement | None = None,
    hides_first: bool = False,
) -> bytes:
    """Return the view of patterns that were encoded at once as one HTML file. Arguments: see `attention_view`."""
    head = look.head
    options = {"key": "page", "look": look._asdict() | {"at": 0}, "grid_only": False}
    options |= {"opening": head or encoded.opening, "hides_first": hides_first}
    options["arrange"] = arrangement and arrangement.options()
    packed = pack(encoded, tokens, options=options, head=head, keys=keys)
    view = read("attention_view", "view.html")
    body = f'<main data-view="attention">{view}</main>\n{data_block("patterns", packed)}'
    return page(title, body, css=[read("attention_view", "view.css")], scripts=[page_script()])


def page_script() -> str:
    """Return the script that draws the view in an HTML file."""
    return as_function("attention_view", *SCRIPTS, "../page.js", "page.js")
