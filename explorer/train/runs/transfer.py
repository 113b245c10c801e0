"""Hand a run on: download it as one .zip or as one page, and import such a .zip."""

import shutil
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
from explorer.train.runs.page import run_page
from explorer.train.runs.prepared import Progress, prepare
from gpt import Run
from gpt.machine import bytes_in_words
from gpt.train.archive import pack_run, unpack_run, unpacked_size

ZIP, PAGE = "Whole run", "Page to look at"
KINDS = {
    ZIP: "with everything ({size}): weights of every snapshot, curves, samples, and what resuming needs. *Import* on "
    "the Runs page takes the file back.",
    PAGE: "as one .html that opens in any browser, without this app and without a network: the film, the curves, the "
    "samples, every head of the last snapshot, and the settings.",
}


def draw_download(run: Run) -> None:
    """Draw the content of the Download dialog."""
    kind = st.segmented_control("File", [*KINDS], default=ZIP, required=True, key=f"runs:download:{run.name}")
    kind = kind or ZIP
    size, name = folders.size(run.folder), file_name(run.name)
    with widgets.guarded():
        st.markdown(f"**{widgets.plain(run.label)}** {KINDS[kind].format(size=bytes_in_words(size))}")
        write = write_archive if kind == ZIP else write_page
        prepared = prepare((run.folder, size, kind), lambda show: write(run, show))
        ending, mime = ("zip", "application/zip") if kind == ZIP else ("html", "text/html")
        download(f"Download .{ending}", prepared.read, f"{name}.{ending}", mime, key="run")
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


def write_page(run: Run, progress: Progress) -> IO[bytes]:
    """Write the .html of a run into a temporary file, and return the file. Raises ValueError as `run_page` does."""
    written = TemporaryFile()  # noqa: SIM115 (the caller reads it)
    written.write(run_page(run, progress))
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
        try:
            jobs.give_to(run.folder, current())
            if run.status.state == "queued":
                run.set_status("stopped", run.status.step, "it was imported; resume it to train it here")
        except BaseException:
            shutil.rmtree(run.folder, ignore_errors=True)
            raise
    return run
