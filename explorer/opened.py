"""The model that a person looks at: a page opens it once and passes it down.

A reference names a model: the folder's name of a shipped one, `runs/<name>` of the person's own, `smollm2` or
`real/<name>` of a real model. References come from links, so they are looked up and never joined into a path. torch is
imported by the functions that need it.
"""

import gc
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from explorer import openings
from explorer.places import ROOT, SHIPPED, runs_folder
from explorer.real_models import RealModel, list_models
from explorer.shared.cache import cached
from explorer.shared.outline import Stamp, folders, stamp

if TYPE_CHECKING:
    from gpt import GPT, Bigram, GPTConfig, Run
    from gpt.checkpoints import Pretrained
    from gpt.text.tokenizer import Tokenizer

__all__ = ["DEFAULT", "OWN", "ROOT", "SHIPPED", "Identity", "Opened", "runs_folder"]

OWN = "runs/"  # begins the reference of a person's own run
DEFAULT = "shakespeare-char"

Identity = tuple[str, int | None, Stamp]  # folder, step, stamp of the files: all that a model depends on


@dataclass(frozen=True)
class Opened:
    """A model at one snapshot. Two are equal if their weights, config and tokenizer are the same files, unchanged."""

    identity: Identity
    ref: str = field(compare=False)
    origin: "Run | Pretrained" = field(compare=False, repr=False)

    @classmethod
    def of(cls, run: "Run", step: int | None = None) -> "Opened":
        """The model of a run at a snapshot (None: the newest)."""
        step = run.steps[-1] if step is None and run.steps else step
        ref = run.name if run.folder.parent == SHIPPED else f"{OWN}{run.name}"
        return cls((str(run.folder), step, stamp(*_files(run, step))), ref, run)

    @classmethod
    def of_real(cls, real: RealModel) -> "Opened":
        """A real model, read into memory if it is not there. Raises ValueError if it cannot be opened."""
        opening = openings.start(real.source)
        opening.wait()
        if opening.model is None:
            raise ValueError(opening.problem)
        path = Path(opening.model.source)
        files = sorted(path.iterdir()) if path.is_dir() else [path]
        return cls((opening.model.source, None, stamp(*files)), real.ref, replace(opening.model, name=real.title))

    @property
    def is_real(self) -> bool:
        """Whether this model comes from elsewhere: it has no run, no snapshots, and no training text here."""
        from gpt import Run

        return not isinstance(self.origin, Run)

    @property
    def run(self) -> "Run":
        """The run that trained this model. Raises ValueError for a real model."""
        if self.is_real:
            raise ValueError(
                f"{self.label} was not trained here, so its run, its snapshots and its training text are not here; "
                "pick a model that was trained here, for example a shipped one"
            )
        return cast("Run", self.origin)

    @property
    def _pretrained(self) -> "Pretrained":
        return cast("Pretrained", self.origin)

    def at(self, step: int) -> "Opened":
        """The same model at another snapshot."""
        return Opened.of(self.run, step)

    @property
    def step(self) -> int | None:
        """The snapshot's step; None if there is no snapshot yet."""
        return self.identity[1]

    @property
    def config(self) -> "GPTConfig":
        return self._pretrained.model.config if self.is_real else self.run.recipe.model

    @property
    def tokenizer(self) -> "Tokenizer":
        return cast("Tokenizer", self._pretrained.tokenizer) if self.is_real else self.run.tokenizer

    @property
    def label(self) -> str:
        """The name that people see: its title, or its reference."""
        return self._pretrained.name if self.is_real else self.run.title or self.ref

    @property
    def model(self) -> "GPT | Bigram":
        """The module in eval mode, the same object for everybody: look, do not change.

        Raises ValueError if there is no such snapshot, or it is damaged.
        """
        return self._pretrained.model if self.is_real else _model(self)

    def load_model(self) -> "GPT | Bigram":
        """The module in eval mode, read from disk and not kept: for a look at many snapshots, one after another."""
        if self.is_real:
            return self._pretrained.model
        return cast("GPT | Bigram", self.run.model(self.step))  # a page of translations casts it to Seq2Seq

    @property
    def is_shipped(self) -> bool:
        return not self.is_real and self.run.folder.parent == SHIPPED

    @property
    def files(self) -> tuple[Path, ...]:
        """All that the model depends on: its weights, config and tokenizer."""
        return _files(self.run, self.step)

    @property
    def text_identity(self) -> tuple[str, Stamp]:
        """All that the text depends on that the model was trained on, as its tokenizer reads it."""
        if self.is_real:
            return self.identity[0], ()
        _, config, tokenizer = self.files
        return str(self.run.folder), stamp(config, tokenizer, self.run.folder / "text.txt")


def open_model(ref: str, step: int | None = None) -> Opened:
    """The model of a reference at a snapshot (None: the newest). Its weights are read when they are first asked for.

    Raises ValueError if there is no such model, or its config or tokenizer is damaged.
    """
    real = list_models().get(ref)
    return Opened.of_real(real) if real else Opened.of(open_run(ref), step)


def open_run(ref: str) -> "Run":
    """The run of a reference, as `gpt.load_run` opens it. Raises ValueError if it is unknown or damaged."""
    folder = folder_of(ref)
    return _run(str(folder), stamp(folder / "config.json", folder / "tokenizer.json"))


def folder_of(ref: str) -> Path:
    """The run folder of a reference; no other folder is read. Raises ValueError if there is none of that name."""
    parent, name = (runs_folder(), ref.removeprefix(OWN)) if ref.startswith(OWN) else (SHIPPED, ref)
    if name == Path(name).name and not name.startswith(".") and stamp(parent / name / "config.json"):
        return parent / name
    raise ValueError(f"there is no model called {ref!r}; there are: {', '.join([*references(), *list_models()])}")


def references() -> dict[str, Path]:
    """Reference → run folder of every model; the shipped ones first, then the person's runs, newest first."""
    shipped = sorted(folders(SHIPPED), key=lambda name: (name != DEFAULT, name))
    stamps = folders(runs_folder())
    own = sorted(stamps, key=stamps.__getitem__, reverse=True)
    return {name: SHIPPED / name for name in shipped} | {f"{OWN}{name}": runs_folder() / name for name in own}


def _files(run: "Run", step: int | None) -> tuple[Path, ...]:
    return run.snapshot_path(step or 0), run.folder / "config.json", run.folder / "tokenizer.json"


@cached(max_entries=32, shared=True)
def _run(folder: str, stamp: Stamp) -> "Run":
    from gpt import load_run

    return load_run(folder)


@cached(max_entries=12, shared=True)
def _model(opened: Opened) -> "GPT | Bigram":
    return opened.load_model()


def import_gpt() -> None:
    """Import gpt, and with it torch, in the background as the server starts.

    The modules are exempt from garbage collection, which Streamlit runs after every rerun.
    """
    import gpt  # noqa: F401

    gc.freeze()


def await_gpt() -> None:
    """Wait until no other thread is importing gpt.

    Python refuses (`_DeadlockError`) if one thread imports gpt while another imports a module in it.
    """
    if "gpt" in sys.modules:
        import gpt  # noqa: F401
