"""A metrics file is read on from the last look, and gives what reading all of it gives."""

import json
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpt.train import tail
from gpt.train.files import append_line, read_lines, rewrite_lines
from gpt.train.tail import LARGEST, Tail

NAMES = ("step", "train_loss", "val_loss")
ALIEN = [
    "", "[1]", "{", "null", '{"step": "x"}', '{"train_loss": 1}', '{"step": 3, "train_loss": NaN}', '{"step": true}',
    "é" * 9, "\x85", "\r",
]  # fmt: skip
rows = st.fixed_dictionaries({"step": st.integers(0, 99)}, optional={name: st.floats(-9, 9) for name in NAMES[1:]})
lines = st.lists(rows.map(json.dumps) | st.sampled_from(ALIEN), max_size=12)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "metrics.jsonl"


def expected(path) -> dict[str, tuple[list[float], list[float]]]:
    found = list(read_lines(path))
    pairs = {
        name: [(row["step"], row[name]) for row in found if isinstance(row.get(name), int | float)] for name in NAMES
    }
    good = {name: [(step, value) for step, value in each if abs(value) <= LARGEST] for name, each in pairs.items()}
    return {name: ([step for step, _ in each], [value for _, value in each]) for name, each in good.items()}


def columns(numbers) -> dict[str, tuple[list[float], list[float]]]:
    return {name: tuple(values.tolist() for values in numbers.series(name)) for name in NAMES}


@settings(max_examples=60, deadline=None)
@given(parts=st.lists(lines, max_size=5), cut=st.integers(0, 40), chunk=st.integers(40, 200))
def test_looks_at_a_growing_file_add_up_to_the_whole_of_it(tmp_path_factory, parts, cut, chunk):
    path = tmp_path_factory.mktemp("run") / "metrics.jsonl"
    path.touch()
    whole = "".join(line + "\n" for part in parts for line in part).encode()
    grows = Tail(path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tail, "CHUNK", max(chunk, 1 + max(map(len, whole.split(b"\n")))))
        while whole:
            with path.open("ab") as file:
                file.write(whole[: cut + 1])  # lines are torn wherever that ends
            whole = whole[cut + 1 :]
            grows.read()
        assert columns(grows.read()) == expected(path)


def test_a_look_reads_only_what_is_new(path, monkeypatch):
    for step in range(1000):
        append_line(path, {"step": step, "train_loss": 1.0})
    grows = Tail(path)
    before = grows.read()
    parsed = []
    monkeypatch.setattr(tail, "parse", lambda line: parsed.append(line) or json.loads(line))
    append_line(path, {"step": 1000, "train_loss": 2.0})
    assert grows.read().series("train_loss")[1][-1] == 2.0 and [line for line in parsed if line] == [
        '{"step": 1000, "train_loss": 2.0}'
    ]
    assert len(before.series("train_loss")[1]) == 1000, "what was handed out stays as it was"


def test_a_value_that_is_no_finite_number_is_left_out(path):
    odd = ["NaN", "Infinity", "1e308", str(10**400), "null", '"1"', "[1]"]
    rows = ['{"step": 0, "loss": 4.0}', '{"step": 1}', *(f'{{"step": 2, "loss": {value}}}' for value in odd)]
    path.write_text("\n".join([*rows, '{"step": 3, "loss": 2}']))
    steps, losses = Tail(path).read().series("loss")
    assert (steps.tolist(), losses.tolist()) == ([0.0, 3.0], [4.0, 2.0])


def test_a_last_row_without_its_line_break_counts_once(path):
    path.write_text('{"step": 1, "val_loss": 2.0}')
    grows = Tail(path)
    assert columns(grows.read())["val_loss"] == ([1], [2])
    with path.open("a") as file:
        file.write('\n{"step": 2, "val_loss": 1.0}\n')
    assert columns(grows.read())["val_loss"] == ([1, 2], [2, 1])


def test_a_file_that_was_replaced_truncated_or_written_over_is_read_from_its_start(path):
    old = [{"step": step, "train_loss": 1.0} for step in range(50)]
    rewrite_lines(path, old)
    grows = Tail(path)
    grows.read()
    rewrite_lines(path, old[:20])  # as a resumed run does
    assert columns(grows.read()) == expected(path)
    with path.open("w") as file:
        file.write('{"step": 7, "train_loss": 3.0}\n')
    assert columns(grows.read())["train_loss"] == ([7], [3])
    with path.open("w") as file:
        file.writelines(json.dumps({"step": step, "train_loss": 4.0}) + "\n" for step in range(90))
    assert columns(grows.read()) == expected(path)
    path.unlink()
    assert columns(grows.read())["train_loss"] == ([], [])


def test_what_is_no_file_of_rows_has_none(tmp_path, path, monkeypatch):
    assert columns(Tail(tmp_path).read()) == columns(Tail(path).read()) == {name: ([], []) for name in NAMES}
    os.mkfifo(path)
    assert columns(Tail(path).read())["step"] == ([], [])
    path.unlink()
    with path.open("wb") as file:
        file.truncate(tail.MAX_ROWS_BYTES + 1)
    assert columns(Tail(path).read())["step"] == ([], [])
    monkeypatch.setattr(tail, "CHUNK", 1000)
    path.write_text(5000 * "x" + '\n{"step": 1, "val_loss": 2.0}\n')
    assert columns(Tail(path).read())["val_loss"] == ([1], [2]), "a line that is too long is skipped"
