"""The Export dialog of the Runs page: the .zip that it offers, the command that it shows, and what it refuses."""

import shlex
import shutil
import zipfile

import pytest
from transformers import AutoModelForCausalLM, AutoTokenizer

from explorer.train.runs import export as dialog
from gpt import export, load_run
from tests.explorer.elements import messages, widget


@pytest.fixture
def open_dialog(open_app, nothing_starts):
    def open_export(run: str):
        app = open_app(run=run).switch_page("../pages/runs.py").run()
        app = widget(app.button, "Export").click().run()
        assert not app.exception
        return app

    return open_export


def test_the_dialog_offers_a_zip_and_a_command_that_works(open_dialog, runs, monkeypatch):
    app = open_dialog("tiny")
    [button] = app.get("download_button")
    assert button.proto.label == "Download .zip" and "tiny as a GPT-2" in messages(app).replace("*", "")
    assert widget(app.selectbox, "Snapshot").options == ["Step 2", "Step 1", "Step 0"]
    app = widget(app.selectbox, "Snapshot").select(0).run()
    [line] = [code.value for code in app.code]
    assert line.startswith("python -m gpt.export ") and line.endswith("--at 0") and not app.error
    monkeypatch.chdir(runs)
    monkeypatch.setattr("sys.argv", ["gpt.export", *shlex.split(line)[3:]])
    assert export.main() == 0 and (runs / "exported" / "tiny" / "model.safetensors").is_file()


def test_a_model_that_no_family_expresses_is_refused_with_its_switches(open_dialog, runs):
    app = open_dialog("table")
    assert "a Bigram cannot be written as GPT-2" in messages(app) and not app.get("download_button")
    shutil.copytree("assets/models/induction", runs / "induction")
    assert "mlp=True, this model mlp=False" in messages(open_dialog("induction"))


def test_a_run_without_a_snapshot_is_no_error(open_dialog, runs):
    shutil.rmtree(runs / "tiny" / "snapshots")
    app = open_dialog("tiny")
    assert "No snapshot yet" in messages(app) and not app.get("download_button")


def test_a_full_disk_is_reported(open_dialog, monkeypatch):
    monkeypatch.setattr("gpt.checkpoints.export.free_disk", lambda folder: 1000)
    app = open_dialog("tiny")
    assert "free some space" in messages(app) and not app.get("download_button")


def test_a_disk_that_fills_while_the_zip_is_written_is_reported(open_dialog, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("gpt.checkpoints.export.write_tensors", full)
    app = open_dialog("tiny")
    assert "No space left on device" in messages(app) and not app.get("download_button")


def test_the_zip_holds_one_folder_that_transformers_opens(runs, tmp_path):
    shown = []
    run = load_run(runs / "tiny")
    packed = dialog.write_zip(run, 2, lambda done, total, what: shown.append((what, done / total)))
    assert [what for what, _ in shown[:3]] == ["reading weights", "writing weights", "written"]
    assert shown[-1] == ("packing", 1.0)
    with zipfile.ZipFile(packed) as opened:
        assert opened.testzip() is None
        assert {name.split("/")[0] for name in opened.namelist()} == {"tiny"}
        opened.extractall(tmp_path)
    ids = AutoTokenizer.from_pretrained(tmp_path / "tiny")("hear me", return_tensors="pt").input_ids
    logits = AutoModelForCausalLM.from_pretrained(tmp_path / "tiny")(ids).logits
    assert (logits - run.model()(ids)).abs().max() < 1e-4


def test_a_name_with_a_path_or_tags_stays_in_its_folder(runs):
    run = load_run(shutil.copytree(runs / "tiny", runs / "<b>..;rm x"))
    with zipfile.ZipFile(dialog.write_zip(run, 2, lambda *_: None)) as opened:
        assert all(name.startswith("b-rm-x/") for name in opened.namelist())
    assert shlex.split(dialog.command(run, 2))[3:] == [str(run.folder), "exported/b-rm-x", "--at", "2"]


def test_what_is_cancelled_leaves_nothing(runs, tmp_path, monkeypatch):
    def cancel(done: int, total: int, what: str) -> None:
        if what == "packing":
            raise KeyboardInterrupt

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    with pytest.raises(KeyboardInterrupt):
        dialog.write_zip(load_run(runs / "tiny"), 2, cancel)
    assert list((tmp_path / "temporary").iterdir()) == []
