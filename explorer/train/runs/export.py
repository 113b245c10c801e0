"""Export a run: the folder of `export_pretrained` as one .zip to download, and the command that writes the folder."""

import shlex
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import IO

import streamlit as st

from explorer.figures.export import file_name
from explorer.shared import widgets
from explorer.shared.chart import download
from explorer.train.runs.prepared import Progress, prepare
from gpt import Run, export_pretrained
from gpt.checkpoints.export import export_size
from gpt.checkpoints.targets import find_target
from gpt.machine import bytes_in_words

CHUNK = 1_000_000  # bytes packed between two redraws of the progress bar


def draw(run: Run) -> None:
    """Draw the dialog's content: snapshot, download and command; or why this model cannot be exported."""
    if not run.steps:
        return widgets.empty_state("No snapshot yet.", "Wait for the first one, or resume the training.")
    with widgets.guarded():
        family = find_target(run.recipe.model, run.objective.kind).name
        size = bytes_in_words(export_size(run.recipe.model))
        st.markdown(
            f"**{widgets.plain(run.label)}** as a {family} for Hugging Face's `transformers`: weights ({size}), "
            "tokenizer, and a model card."
        )
        step = st.selectbox("Snapshot", run.steps[::-1], format_func="Step {:,}".format, key=f"runs:export:{run.name}")
        prepared = prepare((run.folder, step), lambda show: write_zip(run, step, show))
        download("Download .zip", prepared.read, f"{file_name(run.name)}.zip", "application/zip", key="export")
        st.caption("Or write the folder from the shell, where the app runs:")
        st.code(command(run, step), language="sh", wrap_lines=True)


def command(run: Run, step: int) -> str:
    """Return the shell command that writes this snapshot."""
    return f"python -m gpt.export {shlex.quote(str(run.folder))} exported/{file_name(run.name)} --at {step}"


def write_zip(run: Run, step: int, progress: Progress) -> IO[bytes]:
    """Write the .zip of a snapshot into a temporary file, and return the file. It holds one folder with the run's name.

    The weights are packed as they are: compression would make them hardly smaller. Raises ValueError as
    `export_pretrained` does.
    """
    name, written = file_name(run.name), TemporaryFile()  # noqa: SIM115 (the caller reads it)
    with TemporaryDirectory() as folder, zipfile.ZipFile(written, "x") as packed:
        export_pretrained(run, Path(folder) / name, step=step, progress=progress)
        files = sorted((Path(folder) / name).iterdir())
        done, total = 0, sum(file.stat().st_size for file in files)
        for file in files:
            with file.open("rb") as source, packed.open(f"{name}/{file.name}", "w", force_zip64=True) as target:
                while chunk := source.read(CHUNK):
                    done += target.write(chunk)
                    progress(done, total, "packing")
    return written
