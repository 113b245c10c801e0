"""A run is downloaded as one .zip and imported again; what is no run leaves the list as it was."""

import io
import shutil
import zipfile

import pandas
import pytest

from explorer.train.runs.transfer import import_run, metrics_csv, metrics_parquet, write_archive
from gpt import load_run
from tests.explorer.elements import messages, widget


@pytest.fixture
def runs_page(open_app, nothing_starts):
    return lambda run: open_app(run=run).switch_page("../pages/runs.py").run()


def packed(folder) -> bytes:
    file = write_archive(load_run(folder), lambda done, total, what: None)
    file.seek(0)
    return file.read()


def upload(app, name: str, data: bytes):
    app = widget(app.button, "Import").click().run()
    return app.file_uploader[0].set_value((name, data, "application/zip")).run()


def test_the_download_dialog_offers_the_whole_run(runs_page, runs):
    app = widget(runs_page("tiny").button, "Download").click().run()
    labels = [button.proto.label for button in app.get("download_button")]
    assert labels == ["Download .zip", "Metrics .csv", "Metrics .parquet"] and "tiny with everything" in messages(
        app
    ).replace("*", "")
    assert "tiny/snapshots/000002.safetensors" in zipfile.ZipFile(io.BytesIO(packed(runs / "tiny"))).namelist()


def test_an_imported_run_is_chosen_and_has_a_name_of_its_own(runs_page, runs):
    app = upload(runs_page("tiny"), "tiny.zip", packed(runs / "tiny"))
    assert not app.exception and not app.error
    assert widget(app.selectbox, "Run").value == "tiny-2"
    assert load_run(runs / "tiny-2").metrics() == load_run(runs / "tiny").metrics()


def test_the_first_run_can_be_imported_too(runs_page, runs):
    data = packed(runs / "tiny")
    for folder in runs.iterdir():
        shutil.rmtree(folder)
    app = upload(runs_page("tiny"), "../../evil name.zip", data)
    assert not app.error and [folder.name for folder in runs.glob("[!.]*")] == ["evil-name"]


def test_what_is_no_run_is_refused_and_the_dialog_stays(runs_page, runs):
    before = {folder.name for folder in runs.iterdir()}
    app = upload(runs_page("tiny"), "notes.zip", b"no zip")
    assert "the file is no .zip, or damaged" in messages(app) and app.file_uploader
    assert {folder.name for folder in runs.iterdir()} == before


def test_a_run_that_waited_elsewhere_does_not_start_here(runs):
    load_run(runs / "tiny").set_status("queued", 2)
    run = import_run(runs, io.BytesIO(packed(runs / "tiny")), "guest")
    assert run.status.state == "stopped" and "resume it to train it here" in run.status.why


def test_the_metrics_are_read_back_from_both_tables(runs):
    run = load_run(runs / "tiny")
    for table in (pandas.read_csv(io.BytesIO(metrics_csv(run))), pandas.read_parquet(io.BytesIO(metrics_parquet(run)))):
        rows = [row.dropna().to_dict() for _, row in table.iterrows()]
        assert rows == [pytest.approx(row) for row in run.metrics()]
