"""What every visitor would compute alike, for seconds: each shipped model's loss on its validation text, for Compare, and what
each of its heads adds to the loss when it is off, for Interventions.

`python -m explorer.measured` measures both again and writes assets/losses.json and assets/effects.json. A result is kept under
the hash of all that it depends on, so one that no longer fits is never found.
"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from explorer.shared.loading import ROOT, SHIPPED

if TYPE_CHECKING:
    from torch import Tensor

    from gpt import GPT, Bigram, Run
    from gpt.lens.interventions import Off

LOSSES = ROOT / "assets" / "losses.json"
EFFECTS = ROOT / "assets" / "effects.json"

Loss = tuple[float, float]  # nats per token, nats per character


def known_loss(run: "Run", step: int, stretches: Sequence[str]) -> Loss | None:
    """The loss of a shipped run's snapshot on these stretches of text, where it was measured; None where it was not."""
    loss = _known(LOSSES, run, step, stretches)
    return (loss[0], loss[1]) if loss else None


def known_effects(run: "Run", step: int, off: "Off", ids: "Tensor") -> np.ndarray | None:
    """What each head of a shipped run's snapshot adds to the loss on these ids when it is off: (n_layer, n_head) nats, or None."""
    effects = _known(EFFECTS, run, step, (off, str(ids.tolist())))
    return np.array(effects) if effects else None


def _known(file: Path, run: "Run", step: int, parts: Sequence[str]) -> list | None:
    """The result in this file that fits; None for a run that does not ship."""
    if run.folder.parent != SHIPPED:
        return None
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found.get(key(run, step, parts))


def key(run: "Run", step: int, stretches: Sequence[str]) -> str:
    """The hash of the run's weights at this step, its config, its tokenizer, and the stretches."""
    files = (run.snapshot_path(step), run.folder / "config.json", run.folder / "tokenizer.json")
    parts = [file.read_bytes() for file in files] + [stretch.encode() for stretch in stretches]
    return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()


def measured_loss(run: "Run", model: "GPT | Bigram", stretches: Sequence[str]) -> Loss:
    """The mean loss of a model on these stretches. Raises ValueError where no stretch has two tokens."""
    import torch

    from gpt.lens import surprise as lens

    encoded = [ids for stretch in stretches if len(ids := run.tokenizer.encode(stretch)) > 1]
    if not encoded:
        raise ValueError("the validation text has fewer than two tokens, so there is nothing to predict in it")
    total = sum(float(lens.surprise(model, torch.tensor(ids), model.config.block_size)[1:].sum()) for ids in encoded)
    tokens = sum(len(ids) - 1 for ids in encoded)
    characters = sum(len(run.tokenizer.decode(ids[1:])) for ids in encoded)
    return total / tokens, total / characters


def measure() -> None:
    """Write assets/losses.json and assets/effects.json."""
    from explorer.compare.panel import stretches
    from explorer.explore.interventions import changes
    from explorer.shared import loading, texts
    from gpt.lens.interventions import ablation_map

    losses, effects = {}, {}
    for ref in loading.prompted():
        run = loading.load_run(ref)
        if run.folder.parent != SHIPPED:
            continue
        step, model = run.steps[-1], loading.load_model(ref)
        pieces = stretches(texts.parts(ref)[1])
        losses[key(run, step, pieces)] = measured_loss(run, model, pieces)
        for off in ("zero", "mean") if model.config.n_layer else ():
            ids = changes.held_out(ref)
            effects[key(run, step, (off, str(ids.tolist())))] = ablation_map(model, ids, off).tolist()
    LOSSES.write_text(json.dumps(losses, indent=1) + "\n", encoding="utf-8")
    EFFECTS.write_text(json.dumps(effects, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    measure()
