"""The surprise of a model at each token of a text: −ln p(token | tokens before it). Source: lecture 00:22:11.

Models with different tokens are compared on the bytes of a text: the surprise of a token is spread evenly over its
bytes, and only bytes that every model predicts are counted.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from gpt.model.bigram import Bigram
from gpt.model.gpt import GPT
from gpt.text.spelling import character_widths, shared_start, token_ends, token_starts
from gpt.text.tokenizer import Tokenizer

LOGITS_AT_ONCE = 1_000_000  # numbers in one forward pass's output
CHUNK = 128  # tokens that go through a model with a large vocabulary at once
Progress = Callable[[int, int], None]  # tokens read, tokens in all


@dataclass(frozen=True)
class TokenSurprises:
    """The surprise of a model at each token of a text, and where the token is."""

    nats: Tensor  # (N,) float32; NaN for the first token, which nothing comes before
    ranks: Tensor  # (N,) int64; 1 if no token was likelier; 0 for the first token
    ends: Tensor  # (N,) int64; where the token ends in the text's UTF-8, in bytes


class TextLoss(NamedTuple):
    """The loss of a model on the bytes of a text that are counted."""

    nats: float  # of all counted bytes
    tokens: float  # that these bytes belong to; a part of a token is counted as a share
    n_bytes: int
    n_characters: int

    @property
    def nats_per_token(self) -> float:
        return self.nats / self.tokens

    @property
    def bits_per_byte(self) -> float:
        return bits(self.nats) / self.n_bytes

    @property
    def bits_per_character(self) -> float:
        return bits(self.nats) / self.n_characters


def surprise(model: GPT | Bigram, ids: Tensor, stride: int | None = None) -> Tensor:
    """Return the nats of each token given those before it: (N,) ids → (N,) float32; NaN for the first token.

    See `score_tokens`.
    """
    return score_tokens(model, ids, stride)[0]


@torch.inference_mode()
def score_tokens(
    model: GPT | Bigram, ids: Tensor, stride: int | None = None, progress: Progress | None = None
) -> tuple[Tensor, Tensor]:
    """Return the nats (N,) and the rank (N,) of each token given those before it; NaN and 0 for the first token.

    A text longer than block_size is read in windows that start `stride` tokens apart (default: half of block_size), and
    a token counts in the first window that has it, so it has at least block_size − stride tokens before it. With
    stride=block_size the windows are chunks side by side, as training measures its loss. The model must be in eval
    mode. progress is called after each part; an exception that it raises cancels the work. Raises ValueError unless ids
    is one-dimensional and 1 ≤ stride ≤ block_size.
    """
    block_size = model.config.block_size
    stride = max(1, block_size // 2) if stride is None else stride
    if ids.dim() != 1 or not 1 <= stride <= block_size:
        raise ValueError(
            f"ids of shape {tuple(ids.shape)} must be (N,), and 1 ≤ stride={stride} ≤ block_size={block_size}"
        )
    nats, ranks = torch.full((len(ids),), math.nan), torch.zeros(len(ids), dtype=torch.long)
    n_targets = len(ids) - 1
    if n_targets < 1:
        return nats, ranks
    T = min(block_size, n_targets)
    starts = torch.tensor([*range(0, n_targets - T, stride), n_targets - T])
    positions = starts[:, None] + torch.arange(1, T + 1)  # (windows, T), of the targets
    at_once = max(1, LOGITS_AT_ONCE // (T * model.config.vocab_size))
    reached_before = torch.cat((starts.new_zeros(1), starts[:-1] + T))  # the last position of the window before
    for windows, reached in zip(positions.split(at_once), reached_before.split(at_once), strict=True):
        for part, part_nats, part_ranks in _score(model, ids, windows):
            fresh = part > reached[:, None]
            nats[part[fresh]], ranks[part[fresh]] = part_nats[fresh], part_ranks[fresh]
            if progress:
                progress(int(part[-1, -1]), n_targets)
    return nats, ranks


def per_byte(nats: Tensor, ends: Tensor) -> Tensor:
    """Spread each token's nats evenly over its bytes. nats, ends: (N,), ends from `token_ends` → (number of bytes,)."""
    n_bytes = ends - token_starts(ends)
    return (nats / n_bytes).repeat_interleave(n_bytes)


def per_character(nats: Tensor, ids: list[int], text: str, tokenizer: Tokenizer) -> Tensor:
    """Spread each token's nats evenly over its bytes, and sum them per character: (N,) → (len(text),).

    ids: (N,), the tokens of `text`. NaN for characters outside the tokenizer's alphabet, and where nats is NaN.
    """
    by_byte = per_byte(nats, token_ends(tokenizer.token_bytes(ids), text))
    character_of_byte = torch.arange(len(text)).repeat_interleave(character_widths(text))
    by_character = torch.zeros(len(text)).index_add(0, character_of_byte, by_byte)
    unknown = set(tokenizer.unknown(text))
    return by_character.masked_fill(torch.tensor([c in unknown for c in text], dtype=torch.bool), math.nan)


def shared_bytes(text: str, surprises: Sequence[TokenSurprises]) -> Tensor:
    """Return which bytes of the text count for every model: (number of bytes,) bool.

    They begin where all models begin a token and have read the same context; a byte without a value for one model
    counts for none.
    """
    counted = torch.ones(len(text.encode()), dtype=torch.bool)
    counted[: shared_start(*(each.ends for each in surprises))] = False
    for each in surprises:
        counted &= ~per_byte(each.nats, each.ends).isnan()
    return counted


def text_loss(text: str, surprises: TokenSurprises, counted: Tensor) -> TextLoss:
    """Return the loss on the counted bytes of a text. counted: (number of bytes,) bool, such as `shared_bytes`.

    A character counts where its first byte does. The loss is NaN if a counted byte has no value.
    """
    by_byte = per_byte(surprises.nats, surprises.ends)[counted]
    first = torch.frombuffer(bytearray(text.encode()), dtype=torch.uint8) & 0xC0 != 0x80 if text else counted
    tokens = per_byte(torch.ones(len(surprises.ends), dtype=torch.float64), surprises.ends)[counted].sum()
    return TextLoss(by_byte.double().sum().item(), tokens.item(), int(counted.sum()), int((first & counted).sum()))


def bits(nats: float) -> float:
    """Convert nats to bits: ÷ ln 2."""
    return nats / math.log(2)


def _score(model: GPT | Bigram, ids: Tensor, positions: Tensor) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Yield parts of the positions (W, T) of targets, (W, t) each, with the nats and the ranks of their tokens.

    A model with a large vocabulary reads a window in parts, with a KV cache, so that its logits take little memory.
    """
    W, T = positions.shape
    is_cut = isinstance(model, GPT) and model.config.causal and W * T * model.config.vocab_size > LOGITS_AT_ONCE
    past = model.new_cache() if isinstance(model, GPT) and is_cut else None
    for part in positions.split(CHUNK if is_cut else T, dim=1):
        context, targets = ids[part - 1], ids[part]
        logits = (model(context) if past is None else model(context, past)).float()  # (W, t, vocab_size)
        of_target = logits.gather(-1, targets[..., None])
        ranks = 1 + (logits > of_target).sum(-1)
        yield part, F.cross_entropy(logits.transpose(1, 2), targets, reduction="none"), ranks
