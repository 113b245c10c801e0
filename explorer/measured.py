"""The loss of each shipped model on its own validation text: every visitor of Compare would compute the same, for seconds.

`python -m explorer.measured` measures it again and writes assets/losses.json. A loss is kept under the hash of all that it
depends on, so one that no longer fits is never found.
"""

import hashlib
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from explorer.loading import ROOT, SHIPPED

if TYPE_CHECKING:
    from gpt import GPT, Bigram, Run

LOSSES = ROOT / "assets" / "losses.json"

Loss = tuple[float, float]  # nats per token, nats per character


def known_loss(run: "Run", step: int, stretches: Sequence[str]) -> Loss | None:
    """The loss of a shipped run's snapshot on these stretches of text, where it was measured; None where it was not."""
    if run.folder.parent != SHIPPED:
        return None
    try:
        found = json.loads(LOSSES.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    loss = found.get(key(run, step, stretches))
    return (loss[0], loss[1]) if loss else None


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
    """Write assets/losses.json."""
    from explorer import loading, texts
    from explorer.panels.comparing import stretches

    losses = {}
    for ref in loading.prompted():
        run = loading.load_run(ref)
        if run.folder.parent == SHIPPED:
            pieces = stretches(texts.parts(ref)[1])
            losses[key(run, run.steps[-1], pieces)] = measured_loss(run, loading.load_model(ref), pieces)
    LOSSES.write_text(json.dumps(losses, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    measure()
