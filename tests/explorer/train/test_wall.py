"""The class wall on its page: tiles, rights of three roles, hiding, and what it reads from the disk."""

import json
import shutil
from urllib.parse import unquote

import pytest
import segno

from explorer.people.identity import Person
from explorer.people.rights import OWNER
from explorer.train.wall import facts, setting
from explorer.train.wall.facts import Board
from explorer.train.wall.joining import QUIET, class_link, qr_code
from explorer.train.wall.ranking import Task
from explorer.train.wall.setting import read_hidden, read_task
from gpt import load_run
from gpt.train import tail
from gpt.train.files import append_line, read_json, write_json
from tests.explorer.elements import messages, widget
from tests.explorer.people.conftest import RIGHT

RUDE = "<img src=x onerror=alert(1)>"
ANNA, BEN = "a" * 22, "b" * 22


@pytest.fixture(autouse=True)
def new_board():
    facts.BOARD.clear()


@pytest.fixture
def own(runs):
    """own(run, id, name) makes a copy of `tiny` a person's run."""

    def copy(name: str, id: str, person: str) -> None:
        shutil.copytree(runs / "tiny", runs / name)
        file = runs / name / "config.json"
        write_json(file, read_json(file) | {OWNER: {"id": id, "name": person}})

    return copy


def tiles(app) -> dict[str, dict]:
    """The tiles by their titles, as the browser gets them."""
    [sent] = [
        json.loads(each.proto.bytes) for each in app.get("bidi_component") if each.proto.component_name.endswith("wall")
    ]
    return {tile["title"]: tile for tile in sent["tiles"]}


def test_each_person_has_a_tile_with_curve_loss_rank_sample_and_head(join, own, runs):
    own("hers", ANNA, "Anna")
    own("hers-too", ANNA, "Anna")
    own("his", BEN, RUDE)
    app = join("wall")
    shown = tiles(app)
    assert not app.exception and shown.keys() == {"tiny", "table", "Anna", RUDE}
    anna = shown["Anna"]
    assert anna["points"] and anna["loss"] == anna["points"][-1][1] and anna["state"] == "Finished"
    assert {tile["rank"] for tile in shown.values()} == {1, 2, 3, 4}
    assert anna["sample"].strip() == load_run(runs / "hers").samples()[-1]["text"].strip()[:400]
    assert anna["head"].split(" L")[0] in facts.SCORED and not shown["table"]["head"]
    assert RUDE not in messages(app) and ANNA not in json.dumps(anna), "an id stays on the server"


def test_only_the_teacher_sets_a_task_and_hides_tiles(join, own, monkeypatch):
    own("his", BEN, RUDE)
    student, visitor, teacher = join("wall", name="Anna"), join("wall"), join("wall", code=RIGHT)
    for other in (student, visitor):
        assert RUDE in tiles(other) and not any(button.label == "Save task" for button in other.button)
    widget(teacher.text_input, "What to do").set_value("Lowest loss **now** in 3 minutes")
    widget(teacher.number_input, "Minutes of training").set_value(3.0)
    widget(teacher.number_input, "Parameters, at most").set_value(2_000)
    teacher = widget(teacher.button, "Save task").click().run()
    assert read_task() == Task("Lowest loss **now** in 3 minutes", 3.0, parameters=2_000)
    for app in (student.run(), visitor.run(), teacher):
        assert app.subheader[0].value.replace("\\", "") == "Lowest loss **now** in 3 minutes"
        assert "At most 3 minutes of training, 2,000 parameters." in messages(app)
        assert tiles(app)["tiny"]["verdict"].startswith("✗ ") and tiles(app)["tiny"]["rank"] is None
        assert tiles(app)["table"]["verdict"].startswith("✓ keeps the task")
    for change in (lambda: setting.set_task(Task()), lambda: setting.set_hidden([BEN])):
        with pytest.raises(ValueError, match="only the teacher can"):
            change()
    with monkeypatch.context() as patch:
        patch.setattr("explorer.people.rights.current", lambda: Person("t" * 22, "", is_teacher=True))
        setting.set_hidden([BEN])
    assert RUDE not in tiles(student.run()) and RUDE not in tiles(visitor.run())
    assert tiles(teacher.run())[RUDE]["is_hidden"] and tiles(teacher)[RUDE]["rank"] is None
    widget(teacher.button, "Remove task").click().run()
    assert read_task() == Task() and read_hidden() == [BEN]


def test_a_wall_without_runs_says_how_to_join(join, runs):
    for name in ("tiny", "table"):
        shutil.rmtree(runs / name)
    app = join("wall")
    assert not app.exception and "No run yet." in messages(app)
    assert "Type your name at the top of the page, then press *Start* on the *Train* page." in messages(app)


def test_on_a_server_of_ones_own_there_is_no_link_to_join(open_app, runs):
    app = open_app().switch_page("../pages/wall.py").run()
    assert not app.exception and "Only this machine reaches this server" in messages(app)
    assert tiles(app).keys() == {"tiny", "table"} and not read_hidden()


@pytest.mark.parametrize("content", ["", "[]", '{"task": 3, "hidden": 3}', '{"task": {"steps": -1}, "hidden": [1]}'])
def test_a_damaged_file_is_no_task(runs, content):
    (runs / ".wall.json").write_text(content)
    assert read_task() == Task() and read_hidden() == []


@pytest.mark.parametrize(
    ("address", "hosts", "link"),
    [
        ("http://192.168.1.20:8501/wall?task=1#x", ["localhost"], "http://192.168.1.20:8501/wall"),
        ("https://teacher:code@class.example/app/wall", ["localhost"], "https://class.example/app/wall"),
        ("http://localhost:8501/wall", ["localhost", "192.168.1.20"], "http://192.168.1.20:8501/wall"),
        ("http://localhost:8501/wall", ["127.0.0.1", "fe80::1"], "http://[fe80::1]:8501/wall"),
        ("http://localhost:8501/wall", ["localhost", "*.example"], None),
        ("", ["localhost"], None),
    ],
)
def test_the_link_is_an_address_that_students_reach_and_nothing_more(monkeypatch, address, hosts, link):
    monkeypatch.setattr("explorer.train.wall.joining.st.get_option", lambda name: hosts)
    assert class_link(address) == link


def test_the_qr_code_has_a_white_frame_and_the_modules_of_the_link():
    link = "http://192.168.1.20:8501/wall"
    drawing = qr_code(link)
    size = len(tuple(segno.make_qr(link, error="m").matrix)) + 2 * QUIET
    assert drawing.startswith("<svg xmlns") and f'width="{8 * size}"' in drawing and "#fff" in drawing


def test_a_look_reads_only_what_is_new(runs, own, monkeypatch):
    own("hers", ANNA, "Anna")
    read: list[int] = []
    take = tail.Tail._take
    monkeypatch.setattr(tail.Tail, "_take", lambda self, chunk: read.append(len(chunk)) or take(self, chunk))
    rows: list[str] = []
    last = facts.last_row
    monkeypatch.setattr(facts, "last_row", lambda path: rows.append(path.parent.name) or last(path))
    scored: list[str] = []
    score = facts._score_heads
    monkeypatch.setattr(facts, "_score_heads", lambda opened: scored.append(opened.ref) or score(opened))
    monkeypatch.setattr(facts, "HEAD_TIME", 60.0)
    board = Board()
    whole = {name: (runs / name / "metrics.jsonl").stat().st_size for name in ("tiny", "table", "hers")}
    board.look(runs)
    assert sum(read) == sum(whole.values()) and len(rows) == 3 and sorted(scored) == ["runs/hers", "runs/tiny"]
    read.clear(), rows.clear(), scored.clear()
    for _ in range(5):
        board.look(runs)
    assert not read and not rows and not scored, "nothing is read again while no run writes"
    append_line(runs / "hers" / "metrics.jsonl", {"step": 3, "train_loss": 1.0, "val_loss": 1.5, "elapsed": 9.0})
    [hers] = [each for each in board.look(runs) if each.run.name == "hers"]
    assert sum(read) == (runs / "hers" / "metrics.jsonl").stat().st_size - whole["hers"] and not rows and not scored
    assert hers.entrant.measured.losses[-1] == 1.5


def test_all_viewers_share_one_look_and_heads_wait_for_their_time(runs, monkeypatch):
    board, looks = Board(), []
    look = board.look
    monkeypatch.setattr(board, "look", lambda folder: looks.append(folder) or look(folder))
    monkeypatch.setattr(facts, "HEAD_TIME", 0.0)
    first = board.read(runs)
    assert all(board.read(runs) is first for _ in range(30)) and looks == [runs]
    assert all(each.strongest is None for each in first)
    monkeypatch.setattr(facts, "HEAD_TIME", 60.0)
    assert any(each.strongest for each in look(runs))


def test_a_name_of_a_run_in_a_link_is_encoded(join, own):
    own("hers", ANNA, "Anna")
    link = tiles(join("wall"))["Anna"]["link"]
    assert link.startswith("train?") and unquote(link).endswith("run=hers")
