import inspect
import re
import sys
from types import FrameType

import pytest
import torch

from explorer.shared.source import MARKED, ROOT, code_of, marked_numbers, rung_lines
from explorer.train.race import RUNGS as LECTURES
from gpt import PRESETS, build_model, lecture, loss_of
from gpt.model.attention import causal_mask
from gpt.model.mlp import MLP
from gpt.train.optim import OPTIMIZERS

SWITCHED = {  # what each rung changes in GPTConfig, or the module that it adds → a word in its lines
    1: ["table", "cross_entropy"],
    2: ["positions", "softmax", "tril"],
    3: ["n_head"],
    4: ["mlp"],
    5: ["blocks", "residual", "projection"],
    6: ["norm_first", "ln_final", "mean"],
    7: ["dropout"],
    8: ["scale", "mean"],
    9: ["rotary", "cat"],
    10: ["gate"],
    11: ["q_norm", "k_norm"],
    12: ["n_kv_head", "repeat_interleave"],
    13: ["window", "triu"],
    14: ["orthogonalize", "polynomial", "3.4445"],
    15: ["router", "softmax", "topk", "experts"],
}
RUNGS = range(1, len(SWITCHED) + 1)


def test_a_function_is_shown_whole_and_says_where_it_is():
    place, *lines = code_of(MLP.forward).split("\n")
    assert lines[0].startswith("def forward(self") and lines[-1].startswith("    return")
    file, number = place.removeprefix("# ").split(", line ")
    assert file == "gpt/model/mlp.py" and int(number) == inspect.getsourcelines(MLP.forward)[1]


def test_a_decorated_function_is_shown_where_it_was_written():
    """torch's decorators are functions of another file, inside the repository's folder or not."""
    assert code_of(lecture.edit_effects).startswith("# gpt/lecture.py, line ")


@pytest.mark.parametrize("rung", RUNGS)
def test_every_rung_has_marked_lines_in_their_order(rung):
    shown = rung_lines(rung)
    for piece in re.split(r"\n\n(?=# gpt/)", shown):
        place, *lines = piece.split("\n")
        file, number = place.removeprefix("# ").split(", line ")
        source = (ROOT / file).read_text(encoding="utf-8").split("\n")
        assert lines[0].strip() == source[int(number) - 1].strip()
        kept = [line.strip() for line in lines if line.strip() not in ("", "…")]
        places = iter(line.strip() for line in source)
        assert all(line in places for line in kept)  # `in` reads the iterator on, so this is the order
        assert any(f"# rung {rung}: " in line for line in kept)
    assert all(word in shown for word in SWITCHED[rung])


def test_every_mark_names_a_rung_and_what_it_adds():
    comments = [line.partition("#")[2] for file in MARKED for line in file.read_text(encoding="utf-8").split("\n")]
    marks = [comment for comment in comments if "rung" in comment]
    assert {int(re.fullmatch(r" rung (\d+): \S.*", mark)[1]) for mark in marks} == set(RUNGS) > set(LECTURES)


@pytest.mark.parametrize("rung", RUNGS)
def test_every_marked_line_runs_in_that_rungs_model(rung):
    """A line that the rung's config switches off would be a wrong mark."""
    recipe = PRESETS[f"rung-{rung}"].changed(vocab_size=5, block_size=4)
    ran: set[tuple[str, int]] = set()

    def watch(frame: FrameType, event: str, _argument: object):
        file = frame.f_code.co_filename
        if file in names:
            ran.add((file, frame.f_lineno))
            return watch
        return None

    names = {str(file) for file in MARKED}
    causal_mask.cache_clear()
    ids, before = torch.tensor([[1, 2, 3]]), sys.gettrace()
    sys.settrace(watch)
    try:
        model = build_model(recipe.model)
        logits, _ = model.run_with_cache(ids)
        loss_of(logits, ids).backward()
        for optimizer in OPTIMIZERS[recipe.optimizer].make(model, recipe):
            optimizer.step()
    finally:
        sys.settrace(before)
    for file in MARKED:
        lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
        marks = [number for number in marked_numbers(lines, rung) if f"# rung {rung}: " in lines[number - 1]]
        starts = [number + lines[number - 1].lstrip().startswith("#") for number in marks]
        assert [number for number in starts if (str(file), number) not in ran] == []


@pytest.mark.parametrize(
    ("source", "numbers"),
    [
        ("x = 1  # rung 3: one\ny = 2\n", [1]),
        ("if x:  # rung 3: a block\n    y = 1\n\n    z = 2\nw = 3\n", [1, 2, 3, 4]),
        ("# rung 3: a mark on a line of its own\ndef f():\n    return 1\ny = 2\n", [1, 2, 3]),
        ("x = (\n    1  # rung 3: a statement of three lines\n)\n", [1, 2, 3]),
        ("def f():\n    x = 1  # rung 3: within a function\n    return x  # rung 4: another\n", [2]),
    ],
)
def test_a_mark_means_its_statement_with_the_block(source, numbers):
    assert marked_numbers(source.splitlines(keepends=True), 3) == numbers


def test_lines_that_are_left_out_are_shown_as_dots():
    assert rung_lines(5).count("…") >= 1 and "…" not in rung_lines(3)


@pytest.mark.parametrize("rung", [0, 16])
def test_a_rung_without_lines_is_refused(rung):
    with pytest.raises(ValueError, match=f"marked with rung {rung}; choose a rung from 1 to 15"):
        rung_lines(rung)
