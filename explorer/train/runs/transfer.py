"""Hand a run on: download it as one .zip, and import such a .zip."""

from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

import pandas
import streamlit as st

from explorer.choice import choose
from explorer.figures.export import file_name
from explorer.opened import runs_folder
from explorer.people.identity import current
from explorer.people.limits import check_upload
from explorer.people.rights import check_import
from explorer.shared import widgets
from explorer.shared.chart import download
from explorer.shared.choices import RUN
from explorer.train import jobs
from explorer.train.names import free_name
from explorer.train.runs import folders
from explorer.train.runs.prepared import Progress, prepare
from gpt import Run
from gpt.machine import bytes_in_words
from gpt.train.archive import pack_run, unpack_run, unpacked_size


def draw_download(run: Run) -> None:
    """Draw the content of the Download dialog."""
    with widgets.guarded():
        st.markdown(
            f"**{widgets.plain(run.label)}** with everything ({bytes_in_words(folders.size(run.folder))}): weights of "
            "every snapshot, curves, samples, and what resuming needs. *Import* on the Runs page takes the file back."
        )
        prepared = prepare((run.folder, folders.size(run.folder)), lambda show: write_archive(run, show))
        name = file_name(run.name)
        download("Download .zip", prepared.read, f"{name}.zip", "application/zip", key="run")
        st.caption("The logged numbers, one row a step:")
        with st.container(horizontal=True):
            download("Metrics .csv", lambda: metrics_csv(run), f"{name}.csv", "text/csv", key="run:csv")
            parquet = "application/vnd.apache.parquet"
            download("Metrics .parquet", lambda: metrics_parquet(run), f"{name}.parquet", parquet, key="run:parquet")


def metrics_csv(run: Run) -> bytes:
    """Return the rows of metrics.jsonl as CSV."""
    return pandas.DataFrame(run.metrics()).to_csv(index=False).encode()


def metrics_parquet(run: Run) -> bytes:
    """Return the rows of metrics.jsonl as Parquet."""
    return pandas.DataFrame(run.metrics()).to_parquet(index=False)


def write_archive(run: Run, progress: Progress) -> IO[bytes]:
    """Write the .zip of a run into a temporary file, and return the file. Raises ValueError as `pack_run` does."""
    written = TemporaryFile()  # noqa: SIM115 (the caller reads it)
    pack_run(run, written, lambda done, total: progress(done, total, "packing"))
    return written


def draw_import() -> bool:
    """Draw the content of the Import dialog. Returns whether a run was imported."""
    hint = f"At most 25 MB. Unpack a larger one into {runs_folder()}."
    file = st.file_uploader("A run's .zip", type="zip", help=hint, key="runs:import:file")
    st.caption("*Download* on the Runs page makes such a file.")
    if file is None:
        return False
    with widgets.guarded():
        check_upload(current(), file.size)
        choose({RUN: import_run(runs_folder(), file, Path(file.name).stem).name})
        return True
    return False


def import_run(runs: Path, file: IO[bytes], stem: str) -> Run:
    """Unpack a run's .zip as a new run, and return the run. Its name is `stem`, or stem-2, … where that is taken.

    It belongs to the person who imports it. A run that waited for its turn elsewhere does not start here by itself.
    Raises ValueError as `unpack_run`, and if this person may not add so large a run.
    """
    check_import([entry.folder for entry in folders.list_runs(runs)], unpacked_size(file))
    with jobs.writing(runs):
        runs.mkdir(parents=True, exist_ok=True)
    run = unpack_run(file, runs / free_name(runs, stem))
    jobs.give_to(run.folder, current())
    if run.status.state == "queued":
        run.set_status("stopped", run.status.step, "it was imported; resume it to train it here")
    return run
