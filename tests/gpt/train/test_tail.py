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


@pytest.mark.parametrize("at_once", [0, tail.AT_ONCE], ids=["rows at once", "row by row"])
@settings(max_examples=60, deadline=None)
@given(parts=st.lists(lines, max_size=5), cut=st.integers(0, 40), chunk=st.integers(40, 200))
def test_looks_at_a_growing_file_add_up_to_the_whole_of_it(tmp_path_factory, at_once, parts, cut, chunk):
    path = tmp_path_factory.mktemp("run") / "metrics.jsonl"
    path.touch()
    whole = "".join(line + "\n" for part in parts for line in part).encode()
    grows = Tail(path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tail, "AT_ONCE", at_once)
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


STRANGE = [
    '{"step": 2}{"step": 3}', '{"step": 2, "val_loss": 1', '"val_loss": 1}', '{"step": 2, "step": 3}',
    '{"step": 2.0, "val_loss": 1}', '{"step": -1, "val_loss": 1}', '{"step": true}', '{"step": 9007199254740993}',
    '{"step": 2, "val_loss": Inf}', '{"step": 2, "val_loss": -NaN}', '{"step": 2, "val_loss": 01}',
    '{"step": 2, "val_loss": +1}', '{"step": 2, "val_loss": "1"}', '{"step": 2, "val_loss": true}',
    '{"step": 2, "val_loss": [1]}', '{"step": 2, "val_loss": {"step": 1}}', '{"step": 2, "val_loss": null}',
    '{"step": 2, "val_loss": 1e400}', '{"step": 2, "val_loss": 1e30}', '{"step": 2, "val_loss": -1000000000000000001}',
    '{"step": 2, "\\u0076al_loss": 1}', '{"step": 2, "é": 1}', '{"step": 2, "val_loss": 1} ', "{}", "{", "}", " ", "\r",
    '{"step": 2, "val_loss": "}', '{"step": 2, "val_loss": 0.1000000000000000055511151231257827}',
]  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(
    values=st.lists(st.floats(-1e40, 1e40) | st.integers() | st.none(), min_size=1), names=st.permutations(NAMES[1:])
)
def test_plain_rows_are_read_at_once(values, names):
    lines = [json.dumps({"step": 3 * i, names[i % 2]: value}) for i, value in enumerate([1, 0.5, *values])]
    assert_equal_numbers(lines, is_plain=True)


@pytest.mark.parametrize("line", STRANGE)
def test_strange_rows_are_read_as_one_by_one(line):
    plain = [json.dumps({"step": step, "val_loss": 0.5 + step}) for step in range(5)]
    for lines in ([*plain, line], [line, *plain], [*plain, line, line, *plain]):
        assert_equal_numbers(lines)


def assert_equal_numbers(lines: list[str], is_plain: bool = False) -> None:
    """Compare the two ways to read whole lines. Arrow may leave lines to the other way, but not plain ones."""
    at_once = tail._parse_at_once("".join(line + "\n" for line in lines).encode())
    assert at_once is not None or not is_plain
    if at_once is not None:
        one_by_one = tail._collect([tail._row(line) for line in lines])
        found = {name: tuple(map(list, pair)) for name, pair in at_once.items() if len(pair[0])}
        assert found == one_by_one


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
