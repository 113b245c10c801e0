"""A run goes out as one .zip and comes back equal; a file that is no run of ours writes nothing."""

import io
import stat
import zipfile
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gpt import load_run
from gpt.train import archive
from gpt.train.archive import pack_run, unpack_run
from gpt.train.create import create_run
from gpt.train.files import RunError
from gpt.train.loop import train

ALIEN, FOLDERS = "no file of a run", "must hold one folder"
REFUSED = {
    "../config.json": FOLDERS,
    "/etc/passwd": FOLDERS,
    "other/text.txt": FOLDERS,
    "mine/../../evil": ALIEN,
    "mine//etc/passwd": ALIEN,
    "mine/snapshots/../config.json": ALIEN,
    "mine/snapshots\\config.json": ALIEN,
    "mine/resume/state.pickle": ALIEN,
    "mine/snapshots/000001.pt": ALIEN,
    "mine/.lock": ALIEN,
    "mine/resume/reference/resume/state.safetensors": ALIEN,
}


@pytest.fixture(scope="module")
def run(tmp_path_factory, recipe, corpus):
    trained = create_run(tmp_path_factory.mktemp("runs") / "mine", recipe(), corpus)
    train(trained, torch.device("cpu"))
    return trained


@pytest.fixture(scope="module")
def packed(run) -> bytes:
    file = io.BytesIO()
    pack_run(run, file)
    return file.getvalue()


def contents(folder) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def changed(packed: bytes, change) -> io.BytesIO:
    """The .zip after `change(archive)` has added to it."""
    file = io.BytesIO(packed)
    with zipfile.ZipFile(file, "a") as archive:
        change(archive)
    return file


def test_it_comes_back_byte_for_byte_and_can_be_resumed(run, packed, tmp_path):
    reported = []
    again = unpack_run(io.BytesIO(packed), tmp_path / "again", lambda done, total: reported.append((done, total)))
    sent = contents(run.folder)
    sent.pop(".lock", None)
    assert contents(again.folder) == sent and again.name == "again" and again.steps == run.steps
    assert reported[-1][0] == reported[-1][1] == sum(map(len, sent.values()))
    assert again.resume_path.is_file() and again.status == run.status
    assert [path.name for path in tmp_path.iterdir()] == ["again"]


def test_requests_and_locks_of_a_worker_stay_here(run, tmp_path):
    run.stop_request.touch()
    file = io.BytesIO()
    pack_run(run, file)
    run.stop_request.unlink()
    assert not {"mine/stop", "mine/.lock"} & set(zipfile.ZipFile(file).namelist())


@pytest.mark.parametrize(("name", "why"), REFUSED.items())
def test_a_file_that_has_no_place_in_a_run_is_refused(packed, tmp_path, name, why):
    with pytest.raises(RunError, match=why):
        unpack_run(changed(packed, lambda archive: archive.writestr(name, "x")), tmp_path / "new")
    assert not list(tmp_path.iterdir())


def test_links_doubles_and_encrypted_files_are_refused(packed, tmp_path):
    link = zipfile.ZipInfo("mine/log.txt")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with pytest.raises(RunError, match="link, encrypted"):
        unpack_run(changed(packed, lambda archive: archive.writestr(link, "/etc/passwd")), tmp_path / "new")
    with pytest.warns(UserWarning, match="Duplicate name"):
        twice = changed(packed, lambda archive: archive.writestr("mine/config.json", "{}"))
    with pytest.raises(RunError, match="twice"):
        unpack_run(twice, tmp_path / "new")
    packed_unusually = changed(packed, lambda archive: archive.writestr("mine/log.txt", "x", zipfile.ZIP_BZIP2))
    with pytest.raises(RunError, match="unusual way"):
        unpack_run(packed_unusually, tmp_path / "new")
    assert not list(tmp_path.iterdir())


def test_a_zip_that_grows_without_end_is_refused_before_it_is_written(packed, tmp_path, monkeypatch):
    bomb = changed(packed, lambda archive: archive.writestr("mine/log.txt", bytes(100_000_000), zipfile.ZIP_DEFLATED))
    with pytest.raises(RunError, match="more than 50 times"):
        unpack_run(bomb, tmp_path / "new")
    monkeypatch.setattr(archive.shutil, "disk_usage", lambda folder: SimpleNamespace(free=archive.MIN_FREE + 1000))
    with pytest.raises(RunError, match="the disk has 1 KB free"):
        unpack_run(io.BytesIO(packed), tmp_path / "new")
    assert not list(tmp_path.iterdir())


@settings(max_examples=100)
@given(data=st.data())
def test_any_damage_is_refused_or_harmless_and_leaves_nothing(run, packed, tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("damaged")
    damaged = bytearray(packed[: data.draw(st.integers(0, len(packed)))] if data.draw(st.booleans()) else packed)
    for _ in range(data.draw(st.integers(1, 5)) if damaged else 0):
        near_the_end = data.draw(st.booleans())
        place = data.draw(st.integers(max(0, len(damaged) - 2000) if near_the_end else 0, len(damaged) - 1))
        damaged[place] = data.draw(st.integers(0, 255))
    try:
        again = unpack_run(io.BytesIO(bytes(damaged)), folder / "new")
    except RunError:
        assert not list(folder.iterdir())
    else:
        assert again.recipe.model == load_run(run.folder).recipe.model
