"""Results of shipped models that take seconds to compute: each model's validation loss, for Compare, and what
each of its heads adds to the loss when it is off, for Interventions.

`python -m explorer.measured` measures both and writes assets/losses.json and assets/effects.json. The key of a result
is the hash of all that it depends on, so an outdated result is never used.
"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from explorer.opened import ROOT, Opened, open_model

if TYPE_CHECKING:
    from torch import Tensor

    from gpt.lens.interventions import Off
    from gpt.lens.surprise import TextLoss

LOSSES = ROOT / "assets" / "losses.json"
EFFECTS = ROOT / "assets" / "effects.json"


def known_loss(opened: Opened, stretches: Sequence[str]) -> "TextLoss | None":
    """The loss of a shipped model on these stretches of text, if it was measured; else None."""
    from gpt.lens.surprise import TextLoss

    loss = _known(LOSSES, opened, stretches)
    return TextLoss(*loss) if loss else None


def known_effects(opened: Opened, off: "Off", ids: "Tensor") -> np.ndarray | None:
    """Return what each head of a shipped model adds to the loss when it is off: (n_layer, n_head) nats, or None."""
    effects = _known(EFFECTS, opened, (off, str(ids.tolist())))
    return np.array(effects) if effects else None


def _known(file: Path, opened: Opened, parts: Sequence[str]) -> list | None:
    """The result in this file that fits; None for a run that does not ship."""
    if not opened.is_shipped:
        return None
    try:
        results = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return results.get(key(opened, parts))


def key(opened: Opened, stretches: Sequence[str]) -> str:
    """The hash of the weights, the config, the tokenizer, and the stretches."""
    parts = [file.read_bytes() for file in opened.files] + [stretch.encode() for stretch in stretches]
    return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()


def measured_loss(opened: Opened, stretches: Sequence[str]) -> "TextLoss":
    """The loss of a model on these stretches, each without its first token.

    Raises ValueError if no stretch has two tokens.
    """
    losses = [stretch_loss(opened, stretch) for stretch in stretches]
    return add_losses(losses)


def stretch_loss(opened: Opened, stretch: str, given: int = 0) -> "TextLoss":
    """The loss of a model on a stretch of text. given: bytes at its beginning that do not count, nor does token 0.

    The model reads chunks of its context's length, side by side.
    """
    import torch

    from gpt.lens import surprise as lens
    from gpt.text.spelling import shared_start, token_ends

    tokenizer = opened.tokenizer
    ids = tokenizer.encode(stretch)
    scores = lens.score_tokens(opened.model, torch.tensor(ids, dtype=torch.long), opened.config.block_size)
    read = lens.TokenSurprises(*scores, token_ends(tokenizer.token_bytes(ids), stretch))
    counted = torch.arange(len(stretch.encode())) >= max(given, shared_start(read.ends))
    return lens.text_loss(stretch, read, counted)


def add_losses(losses: Sequence["TextLoss"]) -> "TextLoss":
    """The loss on several stretches together. Raises ValueError if it counts no token."""
    from gpt.lens.surprise import TextLoss

    total = TextLoss(*map(sum, zip(*losses, strict=True)))
    if not total.tokens:
        raise ValueError("the validation text has fewer than two tokens, so there is nothing to predict in it")
    return total


def measure() -> None:
    """Write assets/losses.json and assets/effects.json."""
    from explorer.compare.losses import stretches
    from explorer.explore.interventions.effects import validation_ids
    from explorer.shared import texts
    from explorer.shared.model_list import prompted
    from gpt.lens.interventions import ablation_map

    losses, effects = {}, {}
    for opened in map(open_model, prompted()):
        if not opened.is_shipped:
            continue
        pieces = stretches(texts.parts(opened)[1])
        losses[key(opened, pieces)] = measured_loss(opened, pieces)
        for off in ("zero", "mean") if opened.config.n_layer else ():
            ids = validation_ids(opened)
            effects[key(opened, (off, str(ids.tolist())))] = ablation_map(opened.model, ids, off).tolist()
    LOSSES.write_text(json.dumps(losses, indent=1) + "\n", encoding="utf-8")
    EFFECTS.write_text(json.dumps(effects, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    measure()
