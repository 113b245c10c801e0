"""The source code that a page shows: functions that have just run, and the lines that a rung of the ladder adds.

In `MARKED` a comment `# rung N: what it adds` marks a statement with its block: the statement on the same line, or the
one below where the comment has a line of its own.
"""

import ast
import inspect
import re
import textwrap
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MARKED = (*sorted((ROOT / "gpt" / "model").glob("*.py")), ROOT / "gpt" / "train" / "optim.py")
MARK = re.compile(r"# rung (\d+): ")


def code_of(function: Callable) -> str:
    """Return the source of a function or class, below a line with its file and line number.

    >>> print(code_of(code_of))  # doctest: +ELLIPSIS
    # explorer/shared/source.py, line ...
    ...
    """
    function = inspect.unwrap(function)  # a decorator's own file may be outside of the repository
    lines, first = inspect.getsourcelines(function)
    return _at(Path(inspect.getfile(function)), first, lines)


def rung_lines(rung: int) -> str:
    """Return the lines of `MARKED` that have this rung's mark, file by file, with "…" for the lines between them.

    Raises ValueError if no line is marked with it.
    """
    pieces = []
    for file in MARKED:
        lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
        numbers = marked_numbers(lines, rung)
        if numbers:
            pieces.append(_at(file, numbers[0], _with_gaps(lines, numbers)))
    if not pieces:
        raise ValueError(f"no line of gpt/model is marked with rung {rung}; choose a rung from 1 to 15")
    return "\n\n".join(pieces)


def marked_numbers(lines: list[str], rung: int) -> list[int]:
    """Return the numbers, from 1, of the lines that belong to statements marked with this rung."""
    statements = [node for node in ast.walk(ast.parse("".join(lines))) if isinstance(node, ast.stmt)]
    numbers = set()
    for number, line in enumerate(lines, 1):
        mark = MARK.search(line)
        if mark and int(mark[1]) == rung:
            marked = number + 1 if line.lstrip().startswith("#") else number
            statement = max((node for node in statements if marked in _span(node)), key=lambda node: node.lineno)
            numbers |= {number, *_span(statement)} - _docstring(statement)
    return sorted(numbers)


def _docstring(statement: ast.stmt) -> set[int]:
    """Return the lines of the statement's docstring, and the empty lines below it."""
    if not isinstance(statement, ast.FunctionDef | ast.ClassDef) or ast.get_docstring(statement) is None:
        return set()
    first, *following = statement.body
    return set(range(first.lineno, following[0].lineno if following else first.lineno + 1))


def _span(statement: ast.stmt) -> range:
    return range(statement.lineno, (statement.end_lineno or statement.lineno) + 1)


def _with_gaps(lines: list[str], numbers: list[int]) -> list[str]:
    """The numbered lines, with "…" where lines between them are left out."""
    shown = []
    for before, number in zip([numbers[0] - 1, *numbers], numbers, strict=False):
        line = lines[number - 1]
        if number > before + 1:
            shown.append(" " * (len(line) - len(line.lstrip())) + "…\n")
        shown.append(line)
    return shown


def _at(file: Path, first: int, lines: list[str]) -> str:
    return f"# {file.relative_to(ROOT)}, line {first}\n{textwrap.dedent(''.join(lines)).rstrip()}"
