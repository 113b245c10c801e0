"""README and docs/: the Python runs, the commands parse, the links lead to files."""

import re
import shlex
from pathlib import Path

import pytest

from gpt import export, load_run
from gpt.train.__main__ import parse

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LONGEST_README = 120  # lines


def blocks(document: Path, language: str) -> list[str]:
    """The code blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", document.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def commands(document: Path, module: str = "gpt.train") -> list[str]:
    """The lines that start a module, without their comments; a line that ends in a backslash goes on."""
    lines = "\n".join(blocks(document, "sh")).replace("\\\n", " ").splitlines()
    return [line for line in lines if f"-m {module} " in line]


def test_readme_is_short():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= LONGEST_README


@pytest.fixture
def copy(tmp_path, monkeypatch):
    """A working folder like the repository's, to write into."""
    (tmp_path / "assets").symlink_to(ROOT / "assets")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_python_of_readme_runs(copy, capsys):
    [block] = blocks(ROOT / "README.md", "python")
    names: dict = {}
    exec(block, names)
    assert names["cache"]["pattern", 1].shape[1:] == (6, 19, 19)
    assert len(re.findall(r"0\.\d\d$|1\.00$", capsys.readouterr().out, re.MULTILINE)) == 20


def test_the_python_about_exports_runs(copy):
    block, with_bertviz = blocks(ROOT / "docs" / "export.md", "python")
    names: dict = {}
    exec(block, names)
    compile(with_bertviz, "bert.py", "exec")
    assert names["written"].startswith("ROMEO:") and len(names["written"]) == 106
    assert sorted(file.name for file in (copy / "shakespeare-for-transformers").iterdir()) == [
        "README.md",
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    ]
    assert names["opened"].model.config.n_layer == 4
    assert names["opened"].tokenizer.encode("ROMEO:") == names["prompt"].input_ids[0].tolist()


def test_the_python_about_run_folders_runs(copy):
    tables, archive = blocks(ROOT / "docs" / "run-folder.md", "python")
    names: dict = {}
    exec(tables, names)
    table = names["pandas"].read_parquet("metrics.parquet")
    assert table.equals(names["metrics"]) and {"step", "train_loss", "val_loss"} <= set(table.columns)
    exec(archive, names)
    assert names["run"].steps == load_run("assets/models/shakespeare-bigram").steps


@pytest.mark.parametrize("command", [line for each in DOCUMENTS for line in commands(each, "gpt.export")])
def test_export_commands_run(copy, monkeypatch, command):
    arguments = shlex.split(command.split("-m gpt.export ")[1], comments=True)
    monkeypatch.setattr("sys.argv", ["gpt.export", *arguments])
    assert export.main() == 0 and (copy / arguments[1] / "config.json").is_file()


def test_documents_have_export_commands():
    assert sum(len(commands(document, "gpt.export")) for document in DOCUMENTS) >= 2


@pytest.mark.parametrize(
    "command", [command for document in DOCUMENTS for command in commands(document) if "--help" not in command]
)
def test_training_commands_parse(command):
    arguments = re.sub(r"\$\w+", "1", command.split("-m gpt.train ")[1].split(";")[0])
    parse(shlex.split(arguments, comments=True))


def test_documents_have_training_commands():
    assert sum(len(commands(document)) for document in DOCUMENTS) >= 10


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_links_lead_to_files(document):
    targets = re.findall(r"\]\((?!https?:|#)([^)#]+)", document.read_text(encoding="utf-8"))
    assert [target for target in targets if not (document.parent / target).exists()] == []
