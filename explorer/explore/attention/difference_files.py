"""The files of the difference mode: a picture of one head, the whole view as a page, and all weights as numbers."""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from explorer.components.attention_view import Arrangement, Look
from explorer.components.attention_view.differences import Difference
from explorer.components.attention_view.packing import Head
from explorer.components.attention_view.standalone import page_of
from explorer.explore.attention.sides import Pair
from explorer.figures.export import csv_cell
from explorer.figures.picture import pattern_svg
from explorer.figures.tokens import head_name, visible
from explorer.shared import downloads

COLUMNS = ["layer", "head", "query position", "query token A", "query token B", "key position", "key token A"]
COLUMNS += ["key token B", "weight A", "weight B", "difference"]


@dataclass(frozen=True)
class DrawnDifference:
    """The attention view of a difference, as `downloads.view` takes it."""

    pair: Pair
    layers: tuple[int, ...] | None  # that are drawn; None: all
    hides_first: bool
    encoded: Difference
    arrangement: Arrangement
    order: str  # of the heads in the page

    @property
    def name(self) -> tuple[str, ...]:
        return (self.pair[0].opened.ref, "difference")

    @property
    def heads(self) -> list[Head]:
        return [(layer, head) for layer in self.encoded.layers for head in range(self.encoded.shape[1])]

    @property
    def rows(self) -> int:
        T = len(self.pair[0].tokens)
        return downloads.pattern_rows(len(self.heads), T, T, self.encoded.causal)

    @property
    def description(self) -> str:
        return f"A: {self.pair[0].name}. B: {self.pair[1].name}."

    def picture(self, head: Head, *, dark: bool) -> bytes:
        before, after = self._weights(head)
        tokens = [a if a == b else f"{visible(a)}→{visible(b)}" for a, b in self._token_pairs()]
        titles = {"title": f"{head_name(*head)}: B − A", "subtitle": self.description, "dark": dark}
        return pattern_svg(after - before, tokens, causal=self.encoded.causal, bound=self.encoded.top, **titles)

    def table(self, heads: Sequence[Head]) -> bytes:
        """Return a CSV file with one line for each weight that is not masked."""
        tokens = [tuple(map(csv_cell, pair)) for pair in self._token_pairs()]
        cells = downloads.cells_of((len(tokens), len(tokens)), self.encoded.causal)
        written = io.StringIO()
        writer = csv.writer(written)
        writer.writerow(COLUMNS)
        for head in heads:
            before, after = self._weights(head)
            for q, k in cells:
                a, b = before[q, k], after[q, k]
                writer.writerow([*head, q, *tokens[q], k, *tokens[k], str(a), str(b), str(b - a)])
        return written.getvalue().encode("utf-8-sig")

    def page(self, head: Head) -> bytes:
        title = f"Attention of {self.pair[0].opened.ref}, B − A. {self.description}"
        look = Look(head, order=self.order)
        return page_of(
            self.encoded.at_once(),
            self.pair[0].tokens,
            title=title,
            look=look,
            arrangement=self.arrangement,
            hides_first=self.hides_first,
        )

    def tensors(self) -> bytes:
        """Return both sides as safetensors. The names of the sides and their tokens are in the metadata."""
        named = {
            f"{side}.blocks.{layer}.attn.hook_pattern": weights
            for side, weights_of in zip("AB", self.pair, strict=True)
            for layer, weights in weights_of.patterns(self.layers).items()
        }
        about = {
            f"{name} {what}": text
            for name, side in zip("AB", self.pair, strict=True)
            for what, text in (("is", side.name), ("model", side.opened.ref), ("tokens", json.dumps(side.tokens)))
        }
        return downloads.arrays(named, **about)

    def _token_pairs(self) -> list[tuple[str, str]]:
        return list(zip(*(side.tokens for side in self.pair), strict=True))

    def _weights(self, head: Head) -> tuple[np.ndarray, np.ndarray]:
        """Return the weights of a head in A and in B, each (T, T)."""
        before, after = (weights[head[1]] for weights in self.encoded.sides(head[0]))
        return before, after
