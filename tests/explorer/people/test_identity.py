"""Cookies, names and codes: what a server believes."""

import os
import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer.people import identity
from explorer.people.identity import Person, become_teacher, new_id, read_cookie, set_name, teacher_code, write_cookie
from explorer.people.limits import Limits, read_limits, write_limits
from tests.explorer.elements import messages
from tests.explorer.people.conftest import RIGHT


def test_a_cookie_names_its_person_and_nobody_else(runs):
    id = new_id()
    assert read_cookie(write_cookie(id)) == id
    assert stat.S_IMODE(os.stat(runs / ".secret").st_mode) == 0o600
    (runs / ".secret").unlink()
    assert read_cookie(write_cookie(id)) == id


@pytest.fixture(scope="module")
def cookie(tmp_path_factory):
    before = os.environ.get("ATTENTION_EXPLORER_RUNS")
    os.environ["ATTENTION_EXPLORER_RUNS"] = str(tmp_path_factory.mktemp("runs"))
    yield write_cookie("a" * 22)
    os.environ.pop("ATTENTION_EXPLORER_RUNS")
    if before:
        os.environ["ATTENTION_EXPLORER_RUNS"] = before


@given(data=st.data())
def test_a_changed_cookie_is_nobodys(cookie, data):
    place = data.draw(st.integers(0, len(cookie) - 2))  # the last character of base64 has bits that do not count
    letter = data.draw(st.characters(codec="latin-1"))
    changed = cookie[:place] + letter + cookie[place + 1 :]
    assert read_cookie(changed) == (("a" * 22) if changed == cookie else None)
    assert read_cookie(data.draw(st.text(max_size=80))) is None


def test_a_name_is_a_persons_own(runs):
    anna, ben = Person(new_id()), Person(new_id())
    set_name(anna, "  Anna   B. ")
    with pytest.raises(ValueError, match=r"somebody here is called 'anna b\.' already"):
        set_name(ben, "anna b.")
    set_name(anna, "Anna B.")
    for bad in ("", " ", "x" * 41, "a\u202eb"):
        with pytest.raises(ValueError, match="is no name"):
            set_name(ben, bad)


def test_a_wrong_code_changes_nothing_and_ten_are_enough(runs, shared):
    person = Person(new_id())
    for _ in range(identity.WRONG_CODES):
        with pytest.raises(ValueError, match="not the teacher's code"):
            become_teacher(person, "open barley")
    with pytest.raises(ValueError, match="wait a minute"):
        become_teacher(person, RIGHT)
    assert not (runs / ".people.json").exists()
    identity._wrong.clear()
    become_teacher(person, f" {RIGHT} ")
    assert RIGHT not in (runs / ".people.json").read_text()


def test_without_a_code_nobody_becomes_teacher(runs, shared, monkeypatch):
    monkeypatch.delenv(identity.CODE)
    for code in ("", "anything"):
        with pytest.raises(ValueError, match="not the teacher's code"):
            become_teacher(Person(new_id()), code)


def test_a_new_code_ends_the_role_that_the_old_one_gave(join, monkeypatch):
    app = join("runs", code=RIGHT)
    assert any(button.label == "Leave the teacher's role" for button in app.button)
    monkeypatch.setenv(identity.CODE, "another code")
    assert not any(button.label == "Leave the teacher's role" for button in app.run().button)


def test_the_code_may_be_in_a_file(tmp_path, monkeypatch):
    file = tmp_path / "code.txt"
    file.write_text("from a file\n# not this line\n")
    monkeypatch.setenv(identity.CODE_FILE, str(file))
    assert teacher_code() == "from a file"
    file.write_text("short")
    with pytest.raises(ValueError, match="has 5 characters; use at least 6"):
        teacher_code()
    file.unlink()
    with pytest.raises(ValueError, match="cannot be read"):
        teacher_code()


def test_a_code_file_without_an_end_is_read_to_its_longest_code(monkeypatch):
    monkeypatch.setenv(identity.CODE_FILE, "/dev/zero")
    assert len(teacher_code()) == identity.LONGEST_CODE


def test_damaged_files_give_the_defaults(runs):
    for content in ("", "[]", "{", '{"steps": -1, "runs": true, "prompt": "x", "more": 1}', "[" * 10_000):
        (runs / ".limits.json").write_text(content)
        assert read_limits() == Limits()
    with pytest.raises(ValueError, match="limit steps is 0"):
        write_limits(Limits(steps=0))


def test_a_folder_that_cannot_be_written_has_a_key_of_the_process(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("ATTENTION_EXPLORER_RUNS", str(tmp_path / "file" / "runs"))
    id = new_id()
    assert read_cookie(write_cookie(id)) == id


def test_a_code_that_cannot_be_used_is_explained_in_the_menu_and_breaks_nothing(join, monkeypatch):
    monkeypatch.setenv(identity.CODE, "12345")
    app = join("runs")
    assert not app.exception and "Teacher's code" not in [box.label for box in app.text_input]
    assert "code has 5 characters; use at least 6" in messages(app)
