"""The ways into the app and the commands, each with hostile inputs.

A surface prepares one input and returns what it is, and the action to try. The action may raise a ValueError, which
pages and commands show as a sentence. Anything else is a fault.
"""

import io
import os
import re
import sys
import zipfile
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from random import Random
from unittest import mock

import torch
from click.testing import CliRunner
from streamlit.testing.v1 import AppTest

import explorer.command
from explorer import navigation
from explorer.opened import ROOT
from explorer.state import RENAMED
from explorer.train.runs import folders
from explorer.train.runs.transfer import import_run
from gpt import load_pretrained
from gpt.text.corpus import corpus_from_bytes
from gpt.train import __main__ as train_command
from gpt.train.archive import pack_run
from gpt.train.loop import train
from gpt.train.run import load_run
from tests.damage import DAMAGES
from tests.explorer.hostile import odd

CPU = torch.device("cpu")
SOURCES = "".join(file.read_text(encoding="utf-8") for file in sorted((ROOT / "explorer").rglob("*.py")))
NAMES = sorted({*re.findall(r'Choice\(\s*f?"([A-Za-z-]+)', SOURCES), *RENAMED})
SHARED = (".people.json", ".limits.json", ".hidden.json", ".wall.json", ".models.json", ".secret")
FLAGS = ("--preset", "--resume", "--fork", "--at", "--text", "--steps", "--seed", "--set", "--device", "--threads",
         "--accumulate", "--tensorboard", "--wings", "")  # fmt: skip
SWITCHES = ("n_layer", "n_embd", "n_head", "lr", "batch_size", "dropout", "optimizer", "window", "positions", "start",
            "eval_every", "eval_batches", "snapshots", "tokenizer", "objective", "schedule", "wings")  # fmt: skip
FILES = ("/dev/zero", "/dev/full", "/dev/null", "/proc/self/mem", "/etc", ".", "runs/tiny", "runs/tiny/config.json")

Input = tuple[str, Callable[[], object]]  # what it is, and the action


@dataclass(frozen=True)
class Place:
    """What the inputs meet: a folder of runs, and a checkpoint of each kind."""

    runs: Path  # in the current folder
    folder: Path  # of a checkpoint with safetensors
    gguf: Path
    open_app: Callable[..., AppTest]

    def draw(self, page: str, **choices: str) -> None:
        """Draw a page as a link opens it. Raises AssertionError where it shows a traceback."""
        app = self.open_app(**choices).switch_page(f"../pages/{page}").run()
        assert not app.exception, app.exception[0].message


def link(draw: Random, place: Place) -> Input:
    """A page with odd values in its link."""
    page = draw.choice(navigation.ENTRIES).file
    names = [draw.choice(NAMES) for _ in range(draw.randrange(1, 9))]
    choices = {name: odd.text(draw) for name in names} | ({odd.text(draw): "1"} if draw.random() < 0.1 else {})
    return f"{page} {choices}", lambda: place.draw(page, **choices)


def folder(draw: Random, place: Place) -> Input:
    """A run folder, or a file that all sessions share, is damaged; a page shows it."""
    page = draw.choice(("attention", "heads", "train", "runs", "timetravel", "compare", "residual", "wall", "race"))
    kind = draw.random()
    if kind < 0.3:
        what = draw.choice([*DAMAGES])
        DAMAGES[what](place.runs / "tiny")
    elif kind < 0.5:
        what = draw.choice(SHARED)
        (place.runs / what).write_bytes(odd.changed_file(draw, b'{"task": {"words": "x"}, "hidden": ["y"]}', True))
    else:
        files = sorted(file for file in (place.runs / "tiny").rglob("*") if file.is_file())
        file = draw.choice(files)
        what = file.relative_to(place.runs).as_posix()
        file.write_bytes(odd.changed_file(draw, file.read_bytes(), file.suffix == ".json"))

    def look() -> None:
        for entry in folders.list_runs(place.runs):
            if entry.run:
                _ = entry.run.status, entry.run.metrics(), entry.run.samples()
        place.draw(f"{page}.py", run="tiny", right="runs/table")

    return f"{page} {what}", look


def upload(draw: Random, place: Place) -> Input:
    """A person's own text, with any content; two pages use it."""
    words = " ".join(odd.text(draw) for _ in range(draw.randrange(40))).encode("utf-8", "replace")
    content = odd.damaged(draw, words.decode().encode(draw.choice(("utf-8", "utf-16", "utf-32", "latin-1")), "replace"))
    kept = odd.argument(draw).replace("\n", " ").encode() + b"\n" + content
    known = sha256(kept).hexdigest()[:16]
    page = draw.choice(("train.py", "tokens.py", "data.py", "bpe.py"))

    def use() -> None:
        (place.runs / ".texts").mkdir(exist_ok=True)
        (place.runs / ".texts" / known).write_bytes(kept)
        place.draw(page, **{"own-text": known, "text": "your own text"})
        corpus_from_bytes("own", content)

    return f"{page} {content[:60]!r}", use


def archive(draw: Random, place: Place) -> Input:
    """The .zip of a run with odd members, or damaged, under an odd name."""
    file, stem = io.BytesIO(), odd.text(draw)
    pack_run(load_run(place.runs / "tiny"), file)
    if draw.random() < 0.6:
        with zipfile.ZipFile(file) as packed:
            members = {name: packed.read(name) for name in packed.namelist()}
        name = draw.choice([*members])
        if draw.random() < 0.3:
            members[draw.choice(("tiny/../x", "/x", "tiny/text.txt", "x/y", f"tiny/{odd.argument(draw)}"))] = b"x" * 200
        members[name] = odd.changed_file(draw, members[name], name.endswith(".json"))
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
            for name, content in members.items():
                packed.writestr(name, content)
    else:
        name = "bytes"
        file = io.BytesIO(odd.damaged(draw, file.getvalue()))

    def take() -> None:
        run = import_run(place.runs, file, stem)
        place.draw("runs.py", run=run.name)

    return f"{stem!r} {name}", take


def checkpoint(draw: Random, place: Place) -> Input:
    """A Hugging Face folder or a .gguf file with one file damaged."""
    if draw.random() < 0.5:
        file = place.gguf.with_name("damaged.gguf")
        file.write_bytes(odd.damaged(draw, place.gguf.read_bytes()))
        return file.name, lambda: load_pretrained(file)
    files = {file.name: file.read_bytes() for file in sorted(place.folder.iterdir())}
    target, name = place.folder.with_name("damaged"), draw.choice([*files])
    target.mkdir(exist_ok=True)
    for each, content in files.items():
        is_json = each.endswith(".json")
        (target / each).write_bytes(odd.changed_file(draw, content, is_json) if each == name else content)
    return name, lambda: load_pretrained(target)


def training(draw: Random, place: Place) -> Input:
    """The command that trains, with odd options; what it accepts trains to its first logged row."""
    arguments = draw.choice((["--preset", "rung-1", "--steps", "2"], ["--fork", "runs/tiny", "--run", "runs/x"], []))
    arguments = [*arguments]
    for _ in range(draw.randrange(1, 4)):
        flag, given = draw.choice(FLAGS), draw.choice((odd.argument(draw), draw.choice(FILES)))
        arguments += [flag, f"{draw.choice(SWITCHES)}={given}" if flag == "--set" else given]
    if draw.random() < 0.5:
        arguments += ["--run", f"runs/{odd.argument(draw).replace('/', '')}"]

    def first_row(run, device, on_row, ranks, parts) -> None:
        train(run, CPU, lambda row: run.stop_request.touch(), ranks, parts)

    def call() -> None:
        with mock.patch.object(train_command, "train", first_row), redirect_stderr(io.StringIO()) as problems:
            try:
                with redirect_stdout(io.StringIO()):
                    code = train_command.main(arguments)
            except SystemExit as end:
                code = end.code
        assert code in (0, 1, 2) and "Traceback" not in problems.getvalue(), problems.getvalue()

    return f"train {arguments}", call


def opening(draw: Random, place: Place) -> Input:
    """The command that opens the app, with odd options, up to the start of the server."""
    arguments = [draw.choice(("--runs", "--code", "--server.port", "train", odd.argument(draw))) for _ in range(2)]
    arguments = [part for each in arguments for part in (each, draw.choice((odd.argument(draw), *FILES)))]

    def call() -> None:
        with mock.patch.dict(os.environ), mock.patch.object(explorer.command.streamlit, "main"):
            result = CliRunner().invoke(explorer.command.main, arguments)
        if isinstance(result.exception, Exception):
            raise result.exception

    return f"attention-explorer {arguments}", call


SURFACES = {"links": link, "run folders": folder, "own texts": upload, "imports": archive, "checkpoints": checkpoint,
            "python -m gpt.train": training, "attention-explorer": opening}  # fmt: skip
sys.set_int_max_str_digits(0)  # 10 ** 400 is written by this test, not read by it
