"""A server that only shows: whatever a person tries, the runs folder stays as it is."""

from contextlib import contextmanager

import pytest
from streamlit.testing.v1 import AppTest

from explorer.people.hiding import hide
from explorer.people.identity import CODE, Person, become_teacher, leave, new_id, read_cookie, set_name, write_cookie
from explorer.people.limits import Limits, write_limits
from explorer.people.rights import may_change, set_limits
from explorer.places import READ_ONLY, READ_ONLY_VARIABLE
from explorer.real_models import add_model, may_open, remove_model
from explorer.train import jobs
from explorer.train.runs import transfer, trash
from explorer.train.wall.ranking import Task
from explorer.train.wall.setting import set_hidden, set_task
from gpt import load_pretrained, load_run
from tests.explorer.elements import messages
from tests.explorer.people.conftest import RIGHT
from tests.gpt.checkpoints.gguf_files import write_tiny

PAGES = ("train", "runs", "wall", "race", "timetravel", "averaging", "attention")


def files(folder) -> dict:
    return {path: path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


@pytest.fixture
def read_only(runs, monkeypatch):
    """A context in which the server only shows; at its end, every file and folder is what it was."""

    @contextmanager
    def only_showing():
        monkeypatch.setenv(READ_ONLY_VARIABLE, "1")
        before = files(runs)
        yield
        assert files(runs) == before

    return only_showing


def actions(runs, model):
    """Every action that writes, by its name. model: a file."""
    run = load_run(runs / "tiny")
    recipe, corpus = run.recipe, run.corpus()
    pretrained = load_pretrained(model)
    packed = transfer.write_archive(run, lambda *_: None)
    deleted = trash.deleted(runs)
    person = Person(new_id())
    return {
        "create": lambda: jobs.create(runs, "new", recipe, corpus),
        "fork": lambda: jobs.fork(runs, "new", run, 2, steps=9),
        "pause": lambda: jobs.pause(run),
        "resume": lambda: jobs.resume(run),
        "stop": lambda: jobs.stop(run),
        "rename": lambda: jobs.rename(runs, "tiny", "other"),
        "retitle": lambda: jobs.rename(runs, "tiny", "tiny", "another title"),
        "delete": lambda: trash.delete(runs, "tiny"),
        "restore": lambda: trash.restore(deleted[0]),
        "remove": lambda: trash.remove([entry.folder for entry in deleted]),
        "import": lambda: transfer.import_run(runs, packed, "new"),
        "name": lambda: set_name(person, "Anna"),
        "code": lambda: become_teacher(person, RIGHT),
        "leave": lambda: leave(person),
        "limits": lambda: write_limits(Limits(steps=1)),
        "set limits": lambda: set_limits(Limits(steps=1)),
        "hide": lambda: hide(["guess"]),
        "set task": lambda: set_task(Task()),
        "hide tiles": lambda: set_hidden(["run:tiny"]),
        "add model": lambda: add_model(str(model), pretrained),
        "remove model": lambda: remove_model("real/tiny"),
    }


@pytest.mark.parametrize("where", ["own machine", "shared server"])
def test_every_writing_action_is_refused(runs, read_only, request, where, monkeypatch, tmp_path):
    trash.delete(runs, "table")
    if where == "shared server":
        request.getfixturevalue("shared")
    monkeypatch.setenv(CODE, RIGHT)
    acts = actions(runs, write_tiny(tmp_path / "tiny.gguf"))
    with read_only():
        for name, act in acts.items():
            with pytest.raises(ValueError, match="This server only shows"):
                act()
                pytest.fail(f"{name!r} was allowed")
        assert not may_change(runs / "tiny") and not may_open()


def test_pages_say_so_and_write_nothing(runs, read_only, open_app):
    with read_only():
        app = open_app()
        for name in PAGES:
            app.switch_page(f"../pages/{name}.py").run()
            assert not app.exception and not app.error, name
            assert READ_ONLY in messages(app), name
            labels = {button.label: button.disabled for button in app.button}
            assert not labels.keys() & {"Start", "Start the race", "Train", "Open a model…", "Save name"}, name
            changes = ("Pause", "Resume", "Rename", "Delete", "Import")
            assert all(labels[label] for label in changes if label in labels), name


def test_a_waiting_run_does_not_start(runs, read_only, monkeypatch):
    monkeypatch.setattr(jobs, "slots", lambda: 0)
    run = jobs.create(runs, "new", load_run(runs / "tiny").recipe, load_run(runs / "tiny").corpus())
    monkeypatch.setattr(jobs, "slots", lambda: 1)
    with read_only():
        jobs.advance(runs)
        assert run.status.state == "queued"


def keep_text() -> None:
    import streamlit as st

    from explorer.shared import own_text

    own_text.keep("mine.txt", b"a text " * 100)
    corpus = own_text.kept()
    st.markdown(corpus.name if corpus else "lost")


def test_an_own_text_is_kept_for_the_session_only(read_only):
    with read_only():
        assert AppTest.from_function(keep_text).run().markdown[0].value == "mine.txt"


def test_a_cookie_is_signed_with_a_key_that_is_not_written(runs, read_only):
    with read_only():
        id = new_id()
        assert read_cookie(write_cookie(id)) == id
