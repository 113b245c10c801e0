"""The surprise of a model at each token of a text: −ln p(token | tokens before it). Source: lecture 00:22:11."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from gpt.model.bigram import Bigram
from gpt.model.gpt import GPT
from gpt.text.tokenizer import CharTokenizer, Tokenizer

LOGITS_AT_ONCE = 1_000_000  # numbers in one forward pass's output


@torch.inference_mode()
def surprise(model: GPT | Bigram, ids: Tensor, stride: int | None = None) -> Tensor:
    """Return the nats of each token given those before it: (N,) ids → (N,) float32; NaN for the first token.

    A text longer than block_size is read in windows that start `stride` tokens apart (default: half of block_size), and
    a token counts in the first window that has it, so it has at least block_size − stride tokens before it. With
    stride=block_size the windows are chunks side by side, as training measures its loss. The model must be in eval
    mode. Raises ValueError unless ids is one-dimensional and 1 ≤ stride ≤ block_size.
    """
    block_size = model.config.block_size
    stride = max(1, block_size // 2) if stride is None else stride
    if ids.dim() != 1 or not 1 <= stride <= block_size:
        raise ValueError(
            f"ids of shape {tuple(ids.shape)} must be (N,), and 1 ≤ stride={stride} ≤ block_size={block_size}"
        )
    nats = torch.full((len(ids),), math.nan)
    n_targets = len(ids) - 1
    if n_targets < 1:
        return nats
    T = min(block_size, n_targets)
    starts = torch.tensor([*range(0, n_targets - T, stride), n_targets - T])
    positions = starts[:, None] + torch.arange(1, T + 1)  # (windows, T), of the targets
    at_once = max(1, LOGITS_AT_ONCE // (T * model.config.vocab_size))
    window_nats = torch.cat([_nats(model, ids, part) for part in positions.split(at_once)])
    reached_before = torch.cat((starts.new_zeros(1), starts[:-1] + T))
    fresh = positions > reached_before[:, None]
    nats[positions[fresh]] = window_nats[fresh]
    return nats


def per_character(nats: Tensor, ids: list[int], text: str, tokenizer: Tokenizer) -> Tensor:
    """Spread each token's nats evenly over its bytes, and sum them per character: (N,) → (len(text),).

    ids: (N,), the tokens of `text`. NaN for characters outside the tokenizer's alphabet, and where nats is NaN.
    """
    if isinstance(tokenizer, CharTokenizer):
        unknown = set(tokenizer.unknown(text))
        return nats.masked_fill(torch.tensor([c in unknown for c in text], dtype=torch.bool), math.nan)
    n_bytes = torch.tensor([len(piece) for piece in tokenizer.token_bytes(ids)], dtype=torch.long)
    by_byte = (nats / n_bytes).repeat_interleave(n_bytes)
    characters = tokenizer.decode(ids)  # the text, where unknown characters are replaced
    widths = torch.tensor([len(character.encode()) for character in characters], dtype=torch.long)
    character_of_byte = torch.arange(len(text)).repeat_interleave(widths)
    own_bytes = by_byte[len(by_byte) - len(character_of_byte) :]  # without a space that SentencePiece puts in front
    return torch.zeros(len(text)).index_add(0, character_of_byte, own_bytes)


def bits(nats: float) -> float:
    """Convert nats to bits: ÷ ln 2."""
    return nats / math.log(2)


def _nats(model: GPT | Bigram, ids: Tensor, positions: Tensor) -> Tensor:
    """Return the nats of the targets at positions (W, T), (W, T)."""
    logits = model(ids[positions - 1]).float()
    return F.cross_entropy(logits.transpose(1, 2), ids[positions], reduction="none")
