"""Texts whose lines are pairs, `source>target`: read them into the batches of a translating model."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from gpt.text.tokenizer import Tokenizer

BETWEEN, END = ">", "\n"  # the first token that the decoder reads, and the last that it writes
IGNORED = -100  # the target of padding

Pair = tuple[str, str]  # source, target


@dataclass(frozen=True)
class Pairs:
    """N encoded pairs, padded to the longest."""

    source: Tensor  # (N, S) ids
    lengths: Tensor  # (N,) tokens of each source
    inputs: Tensor  # (N, T) ids: what the decoder reads, `BETWEEN` and then the target
    targets: Tensor  # (N, T) ids: what the decoder must write, the target and then `END`; `IGNORED` after it

    def __len__(self) -> int:
        return len(self.source)

    def rows(self, rows: Tensor | slice) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return these pairs as a batch: source, lengths, inputs, targets. Sources are as wide as the longest."""
        lengths = self.lengths[rows]
        return self.source[rows][:, : lengths.max()], lengths, self.inputs[rows], self.targets[rows]


def read_pairs(text: str) -> list[Pair]:
    """Return the (source, target) of every line, each pair once. Raises ValueError with a line that is not a pair."""
    pairs: dict[Pair, None] = {}
    for number, line in enumerate(text.splitlines(), 1):
        source, between, target = line.partition(BETWEEN)
        if not line.strip():
            continue
        if not source or not target or not between:
            raise ValueError(
                f"line {number} of the text is {line[:60]!r}, and no pair source{BETWEEN}target; "
                "give a text of such lines, as the task “dates” has them"
            )
        pairs[source, target] = None
    return list(pairs)


def split_pairs(pairs: Sequence[Pair], train_share: float = 0.9) -> tuple[list[Pair], list[Pair]]:
    """Split off the first `train_share` of the pairs for training; validation has the rest whose source is new.

    Raises ValueError if either half is empty.
    """
    cut = int(train_share * len(pairs))
    seen = {source for source, _ in pairs[:cut]}
    halves = list(pairs[:cut]), [pair for pair in pairs[cut:] if pair[0] not in seen]
    if not all(halves):
        raise ValueError(
            f"{len(pairs)} different pairs are too few for training and validation; give a text with more lines"
        )
    return halves


def encode_pairs(pairs: Sequence[Pair], tokenizer: Tokenizer, block_size: int) -> Pairs:
    """Encode the pairs. Raises ValueError if one is longer than block_size."""
    between, end = tokenizer.encode(BETWEEN), tokenizer.encode(END)
    sources = [tokenizer.encode(source) for source, _ in pairs]
    targets = [tokenizer.encode(target) for _, target in pairs]
    longest = max(*map(len, sources), 1 + max(map(len, targets)))
    if longest > block_size:
        raise ValueError(
            f"the longest pair needs {longest} tokens in one half; "
            f"give a block_size of at least {longest}, not {block_size}"
        )
    return Pairs(
        _padded(sources, 0),
        torch.tensor([len(source) for source in sources]),
        _padded([between + target for target in targets], 0),
        _padded([target + end for target in targets], IGNORED),
    )


def _padded(rows: Sequence[Sequence[int]], value: int) -> Tensor:
    return pad_sequence([torch.tensor(row) for row in rows], batch_first=True, padding_value=value)
