"""Runs and models, opened once and shared by everybody who looks: with texts.py and lenses.py the only home of `st.cache_*`.

A model is named by a reference: the folder's name for those that ship, `runs/<name>` for the person's own.
References come from URLs, so they are looked up in the listing and never joined into a path. Tensors become numpy here.
torch is imported by the functions that need it, so that the page is on screen before.
"""

import gc
import math
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from explorer.shared.outline import Outline, Stamp, folders, outline, stamp

if TYPE_CHECKING:
    from gpt import GPT, Bigram, Run
    from gpt.text.tokenizer import Tokenizer

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ROOT / "assets" / "models"
OWN = "runs/"  # begins the reference of a person's own run
DEFAULT = "shakespeare-char"
N_TOP = 12  # next tokens that are shown
SPEECHLESS = ("translation", "reward")  # objectives whose models continue no prompt
MOST_PATTERNS = 128 * 2**20  # bytes of one prompt's patterns, float32
COPIES = 4  # of them in memory at once while they are computed, cached and sent

Identity = tuple[str, int | None, Stamp]  # folder, step, stamp of the files: all that a model depends on


@dataclass(frozen=True)
class Reading:
    """A prompt as a model reads it: the last block_size tokens, what was cut off before them, what it cannot spell."""

    ids: tuple[int, ...]
    tokens: tuple[str, ...]
    skipped: int  # tokens before those
    unknown: tuple[str, ...]  # characters outside the alphabet, read as `stand_in`
    stand_in: str


@dataclass(frozen=True)
class Sampling:
    """How to draw the next tokens, as `gpt.generate` takes it; top_k=None and top_p=None leave all tokens in."""

    max_new_tokens: int = 100
    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None
    seed: int = 1337


@dataclass(frozen=True)
class Drawn:
    """One generated token, and the likeliest tokens of the distribution that it was drawn from, itself included."""

    id: int
    token: str
    probability: float
    entropy: float  # nats
    tokens: tuple[str, ...]
    probabilities: np.ndarray  # (len(tokens),)


def runs_folder() -> Path:
    """Where the person's runs live: `$ATTENTION_EXPLORER_RUNS`, or `runs/` in the repository."""
    return Path(os.environ.get("ATTENTION_EXPLORER_RUNS") or ROOT / "runs")


def models() -> dict[str, Path]:
    """Everything that can be opened: reference → run folder; what ships first, then the person's runs, newest first."""
    shipped = sorted(folders(SHIPPED), key=lambda name: (name != DEFAULT, name))
    found = folders(runs_folder())
    own = sorted(found, key=found.get, reverse=True)
    return {name: SHIPPED / name for name in shipped} | {f"{OWN}{name}": runs_folder() / name for name in own}


def prompted() -> list[str]:
    """The references of all models that continue a prompt, in the order of `models`."""
    return [ref for ref, folder in models().items() if outline(folder).objective not in SPEECHLESS]


def translators() -> list[str]:
    """The references of all models that translate a source, in the order of `models`."""
    return [ref for ref, folder in models().items() if outline(folder).objective == "translation"]


def folder_of(ref: str) -> Path:
    """The run folder of a reference. Raises ValueError where there is none of that name.

    It looks at this one folder only: a page may ask for each of many runs.
    """
    parent, name = (runs_folder(), ref.removeprefix(OWN)) if ref.startswith(OWN) else (SHIPPED, ref)
    if name == Path(name).name and not name.startswith(".") and stamp(parent / name / "config.json"):
        return parent / name
    raise ValueError(f"there is no model called {ref!r}; there are: {', '.join(models()) or 'none yet'}")


def describe(ref: str) -> str:
    """The model's title or reference, and its shape, read without opening it."""
    said = _outline_of(ref)
    name = said.title or ref
    if not isinstance(said.n_layer, int) or not isinstance(said.n_head, int):
        return name
    return f"{name} · {said.n_layer} × {said.n_head} heads" if said.n_layer else f"{name} · no heads"


def _outline_of(ref: str) -> Outline:
    try:
        return outline(folder_of(ref))
    except ValueError:  # deleted a moment ago
        return Outline()


def load_run(ref: str) -> "Run":
    """The run of a reference, as `gpt.load_run` opens it. Raises ValueError where it is unknown or damaged."""
    folder = folder_of(ref)
    return _run(str(folder), stamp(folder / "config.json", folder / "tokenizer.json"))


def load_model(ref: str, step: int | None = None) -> "GPT | Bigram":
    """The model of a run at a snapshot (None: the newest), in eval mode. It is shared: look, do not change.

    Raises ValueError where the run is unknown or damaged, or has no such snapshot.
    """
    run = load_run(ref)
    return _model(identity(run, step), run)


def read(ref: str, text: str) -> Reading:
    """The text as this model's tokens; characters outside its alphabet become its space, or its first character."""
    run = load_run(ref)
    tokenizer, block_size = run.tokenizer, run.recipe.model.block_size
    unknown = tokenizer.unknown(text)
    stand_in = stand_in_of(tokenizer)
    ids = tokenizer.encode(text, replace=stand_in)
    kept = ids[-block_size:]
    return Reading(tuple(kept), tuple(tokenizer.tokens(kept)), len(ids) - len(kept), tuple(unknown), stand_in)


def pattern_bytes(ref: str, T: int, layers: int | None = None) -> int:
    """How many bytes the patterns of so many layers (None: all) take on T tokens."""
    model = load_run(ref).recipe.model
    return 4 * (model.n_layer if layers is None else layers) * model.n_head * T * T


def layers_that_fit(ref: str, T: int) -> int:
    """How many layers' patterns on T tokens stay within `MOST_PATTERNS`: 0 to n_layer."""
    return min(load_run(ref).recipe.model.n_layer, MOST_PATTERNS // pattern_bytes(ref, T, 1))


def tokens_that_fit(ref: str, layers: int | None = None) -> int:
    """The most tokens on which the patterns of so many layers (None: all) stay within `MOST_PATTERNS`."""
    return math.isqrt(MOST_PATTERNS // max(1, pattern_bytes(ref, 1, layers)))


def attention(
    ref: str, ids: tuple[int, ...], step: int | None = None, layers: tuple[int, ...] | None = None
) -> np.ndarray:
    """Every head's pattern on these tokens: (n_layer, n_head, T, T) float32; (0, 0, T, T) for a model without heads.

    ids: 1 to block_size of them. layers: those that are computed (None: all); the others are zero, and take no memory.
    Raises ValueError where the model cannot be opened, and, before memory is spent, where the patterns do not fit.
    """
    need = pattern_bytes(ref, len(ids), None if layers is None else len(layers))
    if need > MOST_PATTERNS:
        from gpt.train.machine import bytes_in_words

        fit, tokens = layers_that_fit(ref, len(ids)), tokens_that_fit(ref)
        fewer = f"look at {fit} layers at a time on the Attention page, or " if fit else ""
        raise ValueError(
            f"the patterns on {len(ids):,} tokens take {bytes_in_words(need)}, and {COPIES} times that while they are drawn; up to "
            f"{bytes_in_words(MOST_PATTERNS)} are: {fewer}shorten the prompt to {tokens:,} tokens"
        )
    patterns = _inspected(ref, ids, step, layers)[0]
    if layers is None:
        return patterns
    whole = np.zeros((load_run(ref).recipe.model.n_layer, *patterns.shape[1:]), np.float32)
    whole[list(layers)] = patterns
    return whole


def next_token(ref: str, ids: tuple[int, ...], step: int | None = None) -> tuple[tuple[str, ...], np.ndarray]:
    """The likeliest next tokens and their probabilities, largest first: `N_TOP` strings, (N_TOP,) float32.

    ids: 1 to block_size of them. Raises ValueError where the model cannot be opened.
    """
    probabilities = _inspected(ref, ids, step, None if pattern_bytes(ref, len(ids)) <= MOST_PATTERNS else ())[1]
    likeliest = np.argsort(-probabilities, kind="stable")[:N_TOP]
    return tuple(load_run(ref).tokenizer.tokens(likeliest.tolist())), probabilities[likeliest]


def continuation(ref: str, ids: tuple[int, ...], sampling: Sampling, step: int | None = None) -> Iterator[Drawn]:
    """Continue the tokens one at a time; the same model, ids and sampling give the same tokens again.

    Raises ValueError on empty ids or a setting out of range, and where the model cannot be opened.
    """
    import torch

    from gpt import generate

    tokenizer = load_run(ref).tokenizer
    for drawn in generate(load_model(ref, step), torch.tensor(ids), **vars(sampling), n_top=N_TOP):
        top = dict(drawn.top) | {drawn.token: drawn.probability}
        yield Drawn(
            id=drawn.token,
            token=tokenizer.tokens([drawn.token])[0],
            probability=drawn.probability,
            entropy=drawn.entropy,
            tokens=tuple(tokenizer.tokens(top)),
            probabilities=np.array(list(top.values())),
        )


def stand_in_of(tokenizer: "Tokenizer") -> str:
    """What is read for characters that the tokenizer does not know: its space, or its first character."""
    return " " if not tokenizer.unknown(" ") else tokenizer.decode([0])


def text_of(ref: str, ids: tuple[int, ...]) -> str:
    """The text of these tokens."""
    return load_run(ref).tokenizer.decode(ids)


@st.cache_resource(show_spinner=False)
def warm_up() -> threading.Timer:
    """Import torch in the background a second after the first page was asked for, once for all sessions."""
    timer = threading.Timer(1.0, _import_torch)
    timer.daemon = True
    timer.start()
    return timer


def _import_torch() -> None:
    """Import torch for good. Streamlit collects garbage after every rerun, and would go through all of its objects each time."""
    import torch  # noqa: F401

    gc.freeze()


@st.cache_resource(max_entries=32, show_spinner=False)
def _run(folder: str, stamp: Stamp) -> "Run":
    from gpt import load_run as open_run

    return open_run(folder)


@st.cache_resource(max_entries=12, show_spinner=False)
def _model(identity: Identity, _run: "Run") -> "GPT | Bigram":
    return _run.model(identity[1])


def identity(run: "Run", step: int | None = None) -> Identity:
    """All that a run's model at a snapshot (None: the newest) depends on, as a key for caches."""
    step = run.steps[-1] if step is None and run.steps else step
    return str(run.folder), step, stamp(run.folder / "config.json", run.snapshot_path(step or 0))


def _inspected(
    ref: str, ids: tuple[int, ...], step: int | None, layers: tuple[int, ...] | None
) -> tuple[np.ndarray, np.ndarray]:
    return _forward(identity(load_run(ref), step), ids, layers, load_model(ref, step))


@st.cache_data(max_entries=64, max_size="256MB", show_spinner=False)
def _forward(
    identity: Identity, ids: tuple[int, ...], layers: tuple[int, ...] | None, _model: "GPT | Bigram"
) -> tuple[np.ndarray, np.ndarray]:
    import torch

    kept = range(_model.config.n_layer) if layers is None else layers
    names = [f"blocks.{layer}.attn.hook_pattern" for layer in kept]
    with torch.inference_mode():
        logits, cache = _model.run_with_cache(torch.tensor([ids]), names)
        probabilities = logits[0, -1].softmax(-1).numpy()
    patterns = [pattern[0] for pattern in cache.numpy().values()]  # each (n_head, T, T), in the order of the layers
    return np.stack(patterns) if patterns else np.zeros((0, 0, len(ids), len(ids)), np.float32), probabilities
