"""Which models and which prompt the Compare page shows."""

import unicodedata

import streamlit as st

from explorer.choice import choose
from explorer.figures.tokens import visible
from explorer.opened import Opened
from explorer.shared import examples
from explorer.shared.choices import PROMPT
from explorer.shared.model_list import prompted
from explorer.shared.prompt import stand_in_of
from explorer.shared.words import plain

RIVAL = "shakespeare-bigram"
SIMPLER = {"‘": "'", "’": "'", "“": '"', "”": '"', "–": "-", "—": "--", "…": "...", "\t": " ", "\u00a0": " "}
MOST_NAMED = 20  # unknown characters that are shown


def examples_for(ref: str) -> dict[str, str]:
    """The examples of a model; those that are not in its training text come first."""
    named = examples.of_model(ref)
    return dict(sorted(named.items(), key=lambda each: each[1] != examples.VALIDATION))


def default_rival(ref: str) -> str:
    """The right model until the person picks: the bigram, or else the first other model."""
    others = [name for name in prompted() if name != ref]
    return RIVAL if RIVAL in others else next(iter(others), ref)


def draw_unknown(pair: tuple[Opened, Opened], prompt: str) -> None:
    """Name the characters of the prompt that a model's alphabet lacks, and offer to replace or remove them."""
    unknown = {opened.ref: opened.tokenizer.unknown(prompt) for opened in pair}
    for opened in dict.fromkeys(pair):
        characters = unknown[opened.ref]
        if characters:
            shown = "  ".join(plain(visible(character)) for character in characters[:MOST_NAMED])
            more = f" and {len(characters) - MOST_NAMED} more" if len(characters) > MOST_NAMED else ""
            stand_in = plain(visible(stand_in_of(opened.tokenizer)))
            st.warning(
                f"{plain(opened.label)} has no token for {shown}{more}. It reads {stand_in} instead, which does "
                "not count in the comparison.",
                icon=":material/abc:",
            )
    missing = set().union(*unknown.values())
    simpler, without = simplify(prompt, missing), "".join(c for c in prompt if c not in missing)
    if missing:
        with st.container(horizontal=True):
            if not missing & set(simpler):
                label = "Replace by simpler characters"
                st.button(label, icon=":material/find_replace:", on_click=choose, args=({PROMPT: simpler},))
            if without:
                label = "Remove these characters"
                st.button(label, icon=":material/backspace:", on_click=choose, args=({PROMPT: without},))


def simplify(text: str, characters: set[str]) -> str:
    """Write these characters of the text in plain letters and punctuation, where there are any.

    >>> simplify("“Café” 🎭", set("“é”🎭"))
    '"Cafe" 🎭'
    """
    return "".join(_simpler(character) if character in characters else character for character in text)


def _simpler(character: str) -> str:
    if character in SIMPLER:
        return SIMPLER[character]
    letters = [c for c in unicodedata.normalize("NFKD", character) if not unicodedata.combining(c)]
    return "".join(letters) or character
