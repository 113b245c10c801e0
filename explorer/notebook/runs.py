"""A run in a notebook: its film, and the run as one HTML file."""

import uuid
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from explorer.components.film import Look, message_of
from explorer.notebook.subject import open_run, open_subject

if TYPE_CHECKING:
    from explorer.notebook.widgets import FilmWidget
    from gpt import Run


def show_film(source: "str | Path | Run", prompt: str | None = None, *, step: int | None = None) -> "FilmWidget":
    """Return the film of a run's snapshots on a prompt: every head, the next token, the sample and the curves.

    source: the folder or the name of a run. prompt: None for an example. step: the snapshot that is shown first (None:
    the last). The widget's traits `step`, `layer` and `head` are what a person looks at.
    Raises ValueError where it is no run, or no snapshot can be read; a snapshot that is damaged gives a warning.
    """
    from explorer.notebook.widgets import FilmWidget
    from explorer.train.timetravel.film import film_of_run

    run = open_run(source)
    film, notes = film_of_run(run, open_subject(run).read(prompt), watch=_watch)
    for note in notes:
        warnings.warn(note, stacklevel=2)
    shown = film.steps[-1] if step is None else step
    if shown not in film.steps:
        raise ValueError(f"the film has no snapshot of step {step}; it has {', '.join(map(str, film.steps))}")
    return FilmWidget(film=message_of(film, Look(shown), key=uuid.uuid4().hex), step=shown)


def save_page(source: "str | Path | Run", file: str | Path, prompts: Sequence[str] = ()) -> Path:
    """Write a run as one HTML file that opens without a network, and return its path.

    prompts: those on which the heads are drawn (none: examples). Raises ValueError as `show_film`.
    """
    from explorer.train.runs.page import run_page
    from gpt.train.files import write_text

    page = run_page(open_run(source), lambda done, total, what: None, prompts)
    write_text(Path(file), page.decode())
    return Path(file)


def _watch(steps: Sequence[int], doing: str) -> Iterator[int]:
    """Yield the steps, with a progress bar where they take more than a second."""
    yield from tqdm(steps, desc=doing, leave=False, delay=1)
