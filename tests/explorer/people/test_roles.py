"""A visitor, two students and a teacher on one server: what each may do, on the page and behind it."""

import pytest

from explorer.people import rights
from explorer.people.identity import Person
from explorer.people.limits import Limits, read_limits, write_limits
from explorer.people.rights import as_owner, owner_of
from explorer.real_models import may_open
from explorer.shared import own_text
from explorer.train import jobs
from explorer.train.runs import transfer, trash
from explorer.train.runs.transfer import write_archive
from gpt import load_run
from gpt.train.files import read_json, write_json
from tests.explorer.elements import messages, widget
from tests.explorer.people.conftest import RIGHT

CHANGES = ("Rename", "Delete")


def start(app):
    return widget(app.button, "Start").click().run()


def disabled(app) -> dict[str, bool]:
    return {button.label: button.disabled for button in app.button if button.label in CHANGES}


def act_as(monkeypatch, person: Person) -> None:
    monkeypatch.setattr(rights, "current", lambda: person)
    monkeypatch.setattr(jobs, "current", lambda: person)


def test_a_visitor_looks_and_types_and_trains_only_with_a_name(join, runs):
    before = {folder.name for folder in runs.glob("[!.]*")}
    app = join("attention", prompt="hear me speak")
    assert not app.exception and not app.error and widget(app.text_area, "Prompt").value == "hear me speak"
    app = start(join("train"))
    assert "type your name at the top of the page first" in messages(app)
    assert {folder.name for folder in runs.glob("[!.]*")} == before


def test_a_run_belongs_to_the_student_who_started_it(join, runs):
    app = start(join("train", name="Anna"))
    assert not app.error and not app.exception
    [new] = [folder for folder in runs.glob("[!.]*") if folder.name not in ("tiny", "table")]
    assert owner_of(new).name == "Anna" and load_run(new).status.state == "queued"
    mine = app.switch_page("../pages/runs.py").run()
    widget(mine.selectbox, "Run").select(new.name).run()
    assert disabled(mine) == dict.fromkeys(CHANGES, False)
    others = join("runs", name="Ben", run=new.name)
    assert disabled(others) == dict.fromkeys(CHANGES, True)
    assert disabled(join("runs", code=RIGHT, run=new.name)) == dict.fromkeys(CHANGES, False)
    assert disabled(join("runs", run="tiny")) == dict.fromkeys(CHANGES, True), "a run that nobody owns is the host's"


def test_what_a_page_disables_is_refused_behind_it_too(join, runs, monkeypatch):
    anna, ben = Person("a" * 22, "Anna"), Person("b" * 22, "Ben")
    recipe = load_run(runs / "tiny").recipe
    act_as(monkeypatch, anna)
    run = jobs.create(runs, "hers", recipe, load_run(runs / "tiny").corpus())
    act_as(monkeypatch, ben)
    for change in (
        lambda: jobs.pause(run), lambda: jobs.stop(run), lambda: jobs.resume(run),
        lambda: jobs.rename(runs, "hers", "his"), lambda: trash.delete(runs, "hers"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match="only Anna and the teacher can change 'hers'"):
            change()
    act_as(monkeypatch, anna)
    trash.delete(runs, "hers")
    act_as(monkeypatch, ben)
    with pytest.raises(ValueError, match="only Anna and the teacher"):
        trash.restore(trash.deleted(runs)[0])
    act_as(monkeypatch, Person("t" * 22, "", is_teacher=True))
    assert trash.restore(trash.deleted(runs)[0]) == "hers" and owner_of(runs / "hers") == anna


def test_limits_bind_a_student_and_not_the_teacher(join, runs):
    app = join("train", code=RIGHT)
    widget(app.number_input, "Steps of a run, steps").set_value(10)
    app = widget(app.button, "Save limits").click().run()
    assert read_limits() == Limits(steps=10)
    refused = start(join("train", name="Anna"))
    assert "here it may have 10" in messages(refused) and "Ask the teacher" in messages(refused)
    assert not start(app).error


def test_a_student_has_a_number_of_runs_at_once(join, runs):
    write_limits(Limits(runs=1))
    app = start(join("train", name="Anna"))
    assert "1 of your runs train or wait; the limit is 1" in messages(start(app))
    assert not start(join("train", name="Ben")).error


def test_the_runs_of_a_race_start_together_or_not_at_all(join, runs):
    write_limits(Limits(runs=4))
    before = {folder.name for folder in runs.glob("[!.]*")}
    app = widget(join("race", name="Anna").button, "Start the race").click().run()
    assert "0 of your runs train or wait, and this starts 5; the limit is 4" in messages(app)
    assert {folder.name for folder in runs.glob("[!.]*")} == before


def test_a_run_needs_its_disk_before_it_starts(join, runs):
    write_limits(Limits(disk=1_000_000))
    app = start(join("train", name="Anna"))
    assert "and this needs" in messages(app) and "the limit is 1.0 MB" in messages(app)
    write_limits(Limits(all_disk=1))
    assert "all runs take" in messages(start(join("train", name="Ben")))


def test_pasted_text_has_the_limit_of_an_upload(runs, monkeypatch):
    write_limits(Limits(upload=5_000))
    monkeypatch.setattr("explorer.shared.own_text.current", lambda: Person("a" * 22, "Anna"))
    with pytest.raises(ValueError, match=r"the file has .* here it may have .* Ask the teacher"):
        own_text.keep(own_text.PASTED, b"x" * 5_001)
    assert not (runs / ".texts").exists()


def test_a_long_prompt_is_refused_and_says_whom_to_ask(join):
    write_limits(Limits(prompt=10))
    assert (
        "the prompt has 13 characters; here it may have 10"
        in messages(join("attention", prompt="hear me speak")).lower()
    )
    for page in ("tokens", "compare", "interventions"):
        assert "the prompt has 13 characters" in messages(join(page, prompt="hear me speak")).lower(), page
    app = join("attention", code=RIGHT, prompt="hear me speak")
    assert not app.error


def test_only_a_teacher_opens_models_from_elsewhere(join, shared, monkeypatch):
    assert not may_open(), "outside a session nobody may"
    monkeypatch.setattr("explorer.real_models.current", lambda: Person("t" * 22, "", is_teacher=True))
    assert may_open()


def test_nobody_is_asked_on_a_server_of_ones_own(open_app, runs):
    app = open_app().switch_page("../pages/runs.py").run()
    assert "Name" not in [box.label for box in app.text_input] and disabled(app) == dict.fromkeys(CHANGES, False)


def test_an_imported_run_belongs_to_who_imports_it(shared, runs, monkeypatch):
    anna, ben = Person("a" * 22, "Anna"), Person("b" * 22, "Ben")
    file = runs / "tiny" / "config.json"
    write_json(file, read_json(file) | as_owner(anna))
    packed = write_archive(load_run(runs / "tiny"), lambda *_: None)
    act_as(monkeypatch, ben)
    monkeypatch.setattr(transfer, "current", lambda: ben)
    assert owner_of(transfer.import_run(runs, packed, "mine").folder) == ben
    assert owner_of(runs / "tiny") == anna


def test_each_student_trains_a_chapter_for_themselves_and_sees_the_teachers_before(join, runs):
    def trainings() -> set[str]:
        return {owner_of(folder).name for folder in runs.glob("lecture-bigram-table*")}

    def train(app):
        app = widget(app.button, "Train").click().run()
        assert not app.exception and not app.error, messages(app)
        return app

    def statuses(app) -> list[str]:
        return [bar.proto.text for bar in app.get("progress")]

    assert "not trained yet" in statuses(join("bigram"))[0]
    train(join("bigram", code=RIGHT))
    ben = join("bigram", name="Ben")
    assert "Waiting for its turn" in statuses(ben)[0], "the teacher's run"
    train(ben)
    train(join("bigram", name="Anna"))
    assert len(trainings()) == 3 and {"Anna", "Ben"} < trainings()
