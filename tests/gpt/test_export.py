"""`python -m gpt.export`: what it writes, and its errors in one line."""

import subprocess
import sys
from pathlib import Path

import pytest
from transformers import AutoTokenizer

from gpt import export, load_pretrained

SHIPPED = Path(__file__).parents[2] / "assets" / "models"


@pytest.fixture
def command(monkeypatch, capsys):
    """Run the command in this process: arguments → (exit code, output, errors)."""

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["gpt.export", *map(str, arguments)])
        code = export.main()
        return code, *capsys.readouterr()

    return run


def test_a_run_is_written_by_the_shell(tmp_path):
    arguments = [sys.executable, "-m", "gpt.export", SHIPPED / "shakespeare-char", tmp_path / "out"]
    done = subprocess.run(arguments, capture_output=True, text=True, cwd=SHIPPED.parents[1], check=True)
    assert done.stdout == f"{tmp_path / 'out'} is written; README.md in it says how to open it\n" and not done.stderr
    opened = load_pretrained(tmp_path / "out")
    assert opened.model.config.n_layer == 4 and opened.tokenizer.encode("To be") == [32, 53, 1, 40, 43]
    assert AutoTokenizer.from_pretrained(tmp_path / "out")("To be")["input_ids"] == [32, 53, 1, 40, 43]


def test_a_snapshot_is_chosen(command, tmp_path):
    assert command(SHIPPED / "shakespeare-char", tmp_path / "out", "--at", 2000)[0] == 0
    assert "2,000 of 2,000" in (tmp_path / "out" / "README.md").read_text()


@pytest.mark.parametrize(
    ("run", "more", "error"),
    [
        ("nowhere", (), "is no run: it has no config.json"),
        ("shakespeare-char", ("--at", 7), "has no snapshot of step 7; it has 2000"),
        ("chat-reward", (), "a RewardModel cannot be written as GPT-2"),
        ("induction", (), "mlp=True, this model mlp=False"),
    ],
)
def test_an_error_is_one_line_and_nothing_is_written(command, tmp_path, run, more, error):
    code, output, errors = command(SHIPPED / run, tmp_path / "out", *more)
    assert code == 1 and output == "" and error in errors
    assert errors.startswith("error: ") and errors.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_leaves_nothing(command, tmp_path, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("gpt.checkpoints.export.write_card", stop)
    code, _, errors = command(SHIPPED / "shakespeare-char", tmp_path / "out")
    assert (code, errors) == (1, "error: stopped; nothing was written\n") and list(tmp_path.iterdir()) == []
