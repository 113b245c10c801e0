"""The attention of a translating model while it writes, and how much of it is on the tokens of the answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import torch
from torch import Tensor

from gpt.generate import translate
from gpt.model.seq2seq import Seq2Seq
from gpt.text.dates import FIRST, LAST, WORDINGS, WrittenDate, in_words, read_date
from gpt.text.pairs import BETWEEN, END, encode_pairs
from gpt.text.tokenizer import Tokenizer

ATTENTIONS = {"encoder": "encoder.{}.attn", "decoder": "decoder.{}.attn", "cross": "decoder.{}.cross_attn"}
PROBES = 36  # dates that heads are measured on: every month in every wording
MONTH_STEP = 6  # at which the month's second digit is written
PLACES = (
    "the first letter",
    "the second letter",
    "the third letter",
    "letters between",
    "the last letter",
    "outside the month",
)


@dataclass(frozen=True)
class Translated:
    """One source, the tokens that the model writes, and every head's attention."""

    source: list[int]  # S ids
    read: list[int]  # T ids: the last token that the decoder has read at each step, the start first
    written: list[int]  # T ids: the token that it writes there, the end last
    patterns: dict[str, Tensor]  # name in `ATTENTIONS` → (n_layer, n_head, queries, keys)
    probabilities: Tensor  # (T, vocab_size)


@torch.inference_mode()
def watch(model: Seq2Seq, source: str, tokenizer: Tokenizer) -> Translated:
    """Translate a source greedily, and keep every head's pattern.

    Raises ValueError if the tokenizer lacks a character of the source, or the source is empty or too long.
    """
    start, end = tokenizer.encode(BETWEEN + END)
    ids = tokenizer.encode(source)
    written = translate(model, torch.tensor([ids]), start=start, end=end)[0].tolist()
    read = [start, *written[:-1]]
    layers = range(model.config.n_layer)
    names = {kind: [f"{name.format(layer)}.hook_pattern" for layer in layers] for kind, name in ATTENTIONS.items()}
    logits, cache = model.run_with_cache(
        (torch.tensor([ids]), torch.tensor([read])), [name for of_kind in names.values() for name in of_kind]
    )
    patterns = {kind: torch.cat([cache[name] for name in of_kind]) for kind, of_kind in names.items()}
    return Translated(ids, read, written, patterns, logits[0].softmax(-1))


def alignment(cross: Tensor, origins: Sequence[range]) -> Tensor:
    """Return how much of each head's cross-attention is on the origins of its answer, (n_layer, n_head).

    cross: (n_layer, n_head, T, S); origins: for each of the first queries, the source tokens that determine the next
    token; queries without any do not count. The weight of uniform attention is subtracted: at most 1, 0 for uniform
    attention. Raises ValueError if no query has an origin.
    """
    S = cross.size(3)
    rows = [cross[:, :, query, list(keys)].sum(-1) - len(keys) / S for query, keys in enumerate(origins) if len(keys)]
    if not rows:
        raise ValueError("no query has an origin to read from; give at least one")
    return torch.stack(rows).mean(0)


def probe_dates() -> list[WrittenDate]:
    """Return `PROBES` dates, spread over the years of the task, every month in every wording."""
    years = range(FIRST.year, LAST.year + 1, (LAST.year - FIRST.year) // PROBES)
    days = [date(year, i % 12 + 1, 1 + (5 * i) % 28) for i, year in zip(range(PROBES), years, strict=False)]
    return [read_date(in_words(day, WORDINGS[i // 12])) for i, day in enumerate(days)]


@torch.inference_mode()
def on_dates(model: Seq2Seq, tokenizer: Tokenizer) -> dict[str, Tensor]:
    """Measure the heads on the probe dates: "alignment" (n_layer, n_head), and "month" (n_layer, n_head, len(PLACES)).

    month: the weight on each of `PLACES` while the model writes the month's second digit; a row sums to 1.
    Raises ValueError if the tokenizer lacks a character of a date, or the dates do not fit the model.
    """
    probes = probe_dates()
    pairs = encode_pairs([(probe.words, probe.digits) for probe in probes], tokenizer, model.config.block_size)
    source, lengths, inputs, _ = pairs.rows(slice(None))
    _, cache = model.run_with_cache((source, inputs, lengths), "decoder.*.cross_attn.hook_pattern")
    cross = torch.stack(list(cache.values()), dim=1)  # (PROBES, n_layer, n_head, T, S), nothing on the padding
    seen = [(probe, row[..., :length]) for probe, row, length in zip(probes, cross, lengths.tolist(), strict=True)]
    return {
        "alignment": torch.stack([alignment(row, probe.origins()) for probe, row in seen]).mean(0),
        "month": torch.stack([_by_place(row[:, :, MONTH_STEP], *probe.spans["month"]) for probe, row in seen]).mean(0),
    }


def _by_place(row: Tensor, start: int, end: int) -> Tensor:
    """row: (n_layer, n_head, S) weights → (n_layer, n_head, len(PLACES)), of a month from start to end."""
    inside = row[..., start:end]  # a month has three letters at least
    parts = [*inside[..., :3].unbind(-1), inside[..., 3:-1].sum(-1), inside[..., 3:][..., -1:].sum(-1)]
    return torch.stack([*parts, 1 - inside.sum(-1)], dim=-1)
