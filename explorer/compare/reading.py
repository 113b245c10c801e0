"""What a model makes of a text, token by token: computed once for all sessions, behind a progress bar.

torch is imported by the functions that need it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from explorer.opened import Opened
from explorer.shared.cache import cached
from explorer.shared.progress import once
from explorer.shared.prompt import stand_in_of
from explorer.shared.words import plain

if TYPE_CHECKING:
    from gpt.lens.surprise import TokenSurprises
    from gpt.lens.word_patterns import WordPatterns

Ids = tuple[int, ...]


@dataclass(frozen=True)
class ReadText:
    """The tokens of a text, and the surprise of a model at them and at the characters."""

    tokens: tuple[str, ...]
    surprises: "TokenSurprises"
    by_character: np.ndarray  # (number of characters,) nats; NaN where there are none


def read_text(opened: Opened, text: str) -> ReadText:
    """Read a text with a model. A progress bar appears if it takes long; a rerun cancels.

    A token's nats are spread evenly over its characters. The first token and characters outside the alphabet have none.
    """
    return once(_read_texts(opened, text), f"{plain(opened.label)} reads the text, token", _read, opened, text)


@cached(max_entries=64, shared=True)
def _read_texts(opened: Opened, text: str) -> list[ReadText]:
    return []


def _read(opened: Opened, text: str, progress: Callable[[int, int], None]) -> ReadText:
    import torch

    from gpt.lens import surprise as lens
    from gpt.text.spelling import token_ends

    tokenizer = opened.tokenizer
    ids = tokenizer.encode(text, replace=stand_in_of(tokenizer))
    nats, ranks = lens.score_tokens(opened.model, torch.tensor(ids, dtype=torch.long), progress=progress)
    surprises = lens.TokenSurprises(nats, ranks, token_ends(tokenizer.token_bytes(ids), text))
    return ReadText(tuple(tokenizer.tokens(ids)), surprises, lens.per_character(nats, ids, text, tokenizer).numpy())


def word_patterns(opened: Opened, ids: Ids, words: Ids) -> "WordPatterns":
    """Return every head's attention between words.

    ids: at most block_size; words: the index of each token's word. A progress bar appears if it takes long; a rerun
    cancels. Nobody may change the result.
    """
    import torch

    from gpt.lens import word_patterns as lens

    kept, doing = _word_patterns(opened, ids, words), f"{plain(opened.label)} reads the words, layer"
    return once(kept, doing, lens.word_patterns, opened.model, torch.tensor(ids), torch.tensor(words))


@cached(max_entries=32, shared=True)
def _word_patterns(opened: Opened, ids: Ids, words: Ids) -> "list[WordPatterns]":
    return []
