"""Runs and models, opened once and shared by everybody who looks: the only home of `st.cache_*`.

A model is named by a reference: the folder's name for those that ship, `runs/<name>` for the person's own.
References come from URLs, so they are looked up in the listing and never joined into a path. Tensors become numpy here.
torch is imported by the functions that need it, so that the page is on screen before.
"""

import os
import threading
from pathlib import Path

import numpy as np
import streamlit as st

ROOT = Path(__file__).resolve().parents[1]
SHIPPED = ROOT / "assets" / "models"
DEFAULT = "shakespeare-char"


def runs_folder() -> Path:
    """Where the person's runs live: `$ATTENTION_EXPLORER_RUNS`, or `runs/` in the repository."""
    return Path(os.environ.get("ATTENTION_EXPLORER_RUNS") or ROOT / "runs")


def models() -> dict[str, Path]:
    """Everything that can be opened: reference → run folder; what ships first, then the person's runs, newest first."""
    shipped = {folder.name: folder for folder in _folders(SHIPPED)}
    ordered = {name: shipped[name] for name in sorted(shipped, key=lambda name: (name != DEFAULT, name))}
    own = sorted(_folders(runs_folder()), key=lambda folder: (folder / "config.json").stat().st_mtime, reverse=True)
    return ordered | {f"runs/{folder.name}": folder for folder in own}


def _folders(parent: Path) -> list[Path]:
    if not parent.is_dir():
        return []
    return [folder for folder in parent.iterdir() if (folder / "config.json").is_file()]


def folder_of(ref: str) -> Path:
    """The run folder of a reference. Raises ValueError where nothing of that name is listed."""
    listed = models()
    if ref not in listed:
        raise ValueError(f"there is no model called {ref!r}; there are {', '.join(listed) or 'none yet'}")
    return listed[ref]


def load_run(ref: str):
    """The `gpt.Run` of a reference. Raises ValueError where it is unknown or damaged."""
    from gpt import load_run as open_run

    return open_run(folder_of(ref))


def load_model(ref: str, step: int | None = None):
    """The model of a run at a snapshot (the newest by default), in evaluation mode, shared and not to be changed."""
    run = load_run(ref)
    step = run.steps[-1] if step is None and run.steps else step
    return _model(str(folder_of(ref)), step, _stamp(folder_of(ref), step))


def _stamp(folder: Path, step: int | None) -> tuple[int, ...]:
    """Changes whenever the files that a model is made of do."""
    files = [folder / "config.json", folder / "snapshots" / f"{step or 0:06d}.safetensors"]
    return tuple(value for file in files if file.exists() for value in (file.stat().st_mtime_ns, file.stat().st_size))


@st.cache_resource(max_entries=12, show_spinner="Opening the model…")
def _model(folder: str, step: int | None, stamp: tuple[int, ...]):
    from gpt import load_run as open_run

    return open_run(folder).model(step=step).eval()


def attention(ref: str, step: int | None, ids: tuple[int, ...]) -> np.ndarray:
    """Every head's pattern on these tokens: (n_layer, n_head, T, T) float32; (0, 0, T, T) for a model without heads."""
    return _inspect(ref, step, ids)[0]


def next_token(ref: str, step: int | None, ids: tuple[int, ...]) -> np.ndarray:
    """The distribution over the token after these: (vocab_size,) float32, sums to 1."""
    return _inspect(ref, step, ids)[1]


def _inspect(ref: str, step: int | None, ids: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    folder = folder_of(ref)
    return _forward(ref, step, ids, _stamp(folder, step), load_model(ref, step))


@st.cache_data(max_entries=64, max_size="256MB", show_spinner=False)
def _forward(ref: str, step: int | None, ids: tuple[int, ...], stamp: tuple[int, ...], _model):
    import torch

    with torch.inference_mode():
        logits, cache = _model.run_with_cache(torch.tensor([ids]), names="blocks.*.attn.hook_pattern")
        patterns = [cache[name][0].float().numpy() for name in sorted(cache, key=_layer)]
        probabilities = torch.softmax(logits[0, -1].float(), dim=-1).numpy()
    empty = np.zeros((0, 0, len(ids), len(ids)), dtype=np.float32)
    return np.stack(patterns) if patterns else empty, probabilities


def _layer(name: str) -> int:
    return int(name.split(".")[1])


@st.cache_resource(show_spinner=False)
def warm_up() -> threading.Timer:
    """Import torch in the background a second after the first page was asked for, once for all sessions."""
    timer = threading.Timer(1.0, __import__, args=("torch",))
    timer.daemon = True
    timer.start()
    return timer
