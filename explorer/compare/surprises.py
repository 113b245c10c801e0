"""Where a text surprises two models, aligned by its characters."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from explorer.compare.reading import ReadText, read_text
from explorer.components.token_cells import Scale, running_text
from explorer.figures.tokens import visible
from explorer.opened import Opened
from explorer.shared.words import count, plain

if TYPE_CHECKING:
    from gpt.lens.surprise import TextLoss

TOP = 6.0  # nats, at the full colour
BITS = 1 / np.log(2)  # in a nat
MARKS = tuple((nats, f"{'≥ ' if nats == TOP else ''}{nats:g} ({nats * BITS:.1f})") for nats in (0.0, 2.0, 4.0, TOP))
SURPRISE = Scale("nats (bits)", TOP, MARKS)
DIFFERENCE = Scale("nats", 3.0, ((-3, "right by ≥ 3"), (0, "0"), (3, "left by ≥ 3")), diverging=True)
LONGEST_TOKEN = 40  # characters of a token in a note


def draw_surprises(pair: tuple[Opened, Opened], text: str) -> None:
    """Draw the text coloured by its surprise for both models, and by the difference."""
    both = [read_text(opened, text) for opened in pair]
    losses = _losses(text, both)
    notes = [_notes(opened, text, read) for opened, read in zip(pair, both, strict=True)]
    for side, column in enumerate(st.columns(2, gap="medium")):
        with column:
            opened, read, other = pair[side], both[side], pair[1 - side]
            st.markdown(f"**{plain(opened.label)}** · {_describe_loss(losses[side], len(read.tokens))}")
            label, key = f"Surprise of {opened.label}", f"surprise:{('left', 'right')[side]}"
            lines = [
                f"{position} {visible(character)}  {own}\n{other.label}: {theirs}"
                for position, (character, own, theirs) in enumerate(zip(text, *notes[:: 1 - 2 * side], strict=True))
            ]
            running_text(text, read.by_character, lines, SURPRISE, edges=_edges(read, text), label=label, key=key)
    _draw_count(losses, text)
    st.markdown("**Left minus right**")
    values = [read.by_character for read in both]
    differences = [_difference_note(i, c, *nats) for i, (c, *nats) in enumerate(zip(text, *values, strict=True))]
    label, key = "Difference in surprise", "surprise:difference"
    running_text(text, values[0] - values[1], differences, DIFFERENCE, label=label, key=key)


def _losses(text: str, both: Sequence[ReadText]) -> "list[TextLoss]":
    """The loss of both models on the bytes that both predict."""
    from gpt.lens.surprise import shared_bytes, text_loss

    counted = shared_bytes(text, [read.surprises for read in both])
    return [text_loss(text, read.surprises, counted) for read in both]


def _describe_loss(loss: "TextLoss", n_tokens: int) -> str:
    tokens = count(n_tokens, "token")
    if not loss.n_bytes or not loss.n_characters:
        return f"{tokens} · nothing that both models predict"
    return (
        f"{tokens} · {loss.nats_per_token:.2f} nats a token · {loss.bits_per_byte:.2f} bits a byte · "
        f"{loss.bits_per_character:.2f} bits a character"
    )


def _draw_count(losses: "list[TextLoss]", text: str) -> None:
    """Say which part of the text both numbers are about."""
    st.caption(
        f"Both models are measured on the same {losses[0].n_bytes:,} of {len(text.encode()):,} bytes. These begin "
        "where both models begin a token for the first time after the beginning. What comes before is only read."
    )


def _edges(read: ReadText, text: str) -> list[bool]:
    """Whether a token begins at each character; nowhere if every character is a token."""
    if len(read.tokens) == len(text):
        return []
    from gpt.text.spelling import token_starts

    starts, at, edges = set(token_starts(read.surprises.ends).tolist()), 0, []
    for character in text:
        edges.append(at in starts)
        at += len(character.encode())
    return edges


def _notes(opened: Opened, text: str, read: ReadText) -> list[str]:
    """What a model makes of each character: its nats, and the tokens that spell it."""
    unknown = set(opened.tokenizer.unknown(text))
    token, start, notes = 0, 0, []
    ends: list[int] = read.surprises.ends.tolist()
    for character, nats in zip(text, read.by_character.tolist(), strict=True):
        end = start + len(character.encode())
        while ends[token] <= start:
            token += 1
        last = token
        while ends[last] < end:
            last += 1
        note = f"{nats:.3f} nats = {nats * BITS:.3f} bits, {_describe_tokens(read, range(token, last + 1))}"
        if np.isnan(nats):
            is_first = start < next(end for end in ends if end)
            reason = "nothing comes before it" if is_first else "no number: the training of this model diverged"
            note = "not in this model's alphabet" if character in unknown else reason
        notes.append(note)
        start = end
    return notes


def _describe_tokens(read: ReadText, tokens: range) -> str:
    """The tokens that spell a character, each with its probability and rank."""
    return " + ".join(
        f"token {visible(read.tokens[i][:LONGEST_TOKEN])}: {_describe_probability(read.surprises.nats[i].item())}, "
        f"rank {read.surprises.ranks[i].item():,}"
        for i in tokens
    )


def _describe_probability(nats: float) -> str:
    """Write the probability of a token that has this surprise.

    >>> _describe_probability(0.0), _describe_probability(20.0)
    ('p = 100.00%', 'p < 0.01%')
    """
    p = np.exp(-nats)
    return f"p = {p:.2%}" if p >= 0.0001 else "p < 0.01%"


def _difference_note(position: int, character: str, left: float, right: float) -> str:
    if np.isnan(left - right):
        return f"{position} {visible(character)}  a model has no value here"
    return f"{position} {visible(character)}  {left:.3f} − {right:.3f} = {left - right:+.3f} nats"
