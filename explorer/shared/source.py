"""The running source: what a page shows as code is read from the functions that have just run."""

import inspect
import textwrap
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def code_of(function: Callable, *words: str) -> str:
    """The source of a function or class, with a first line that says where it stands; with words: only its lines that have one.

    Lines keep their order, and "…" stands for what is left out between two. Raises ValueError where no line has any of the words.

    >>> print(code_of(code_of, "return"))  # doctest: +ELLIPSIS
    # explorer/source.py, line ...
    ...
    """
    function = inspect.unwrap(function)  # past decorators such as torch.no_grad, whose own file may lie anywhere
    lines, first = inspect.getsourcelines(function)
    kept = [i for i, line in enumerate(lines) if not words or any(word in line for word in words)]
    if not kept:
        raise ValueError(f"{function.__qualname__} has no line with {' or '.join(words)}")
    file = Path(inspect.getsourcefile(inspect.unwrap(function))).relative_to(ROOT)
    shown = [f"# {file}, line {first + kept[0]}\n"]
    for before, i in zip([kept[0] - 1, *kept], kept, strict=False):
        if i > before + 1:
            shown.append(" " * (len(lines[i]) - len(lines[i].lstrip())) + "…\n")
        shown.append(lines[i])
    return shown[0] + textwrap.dedent("".join(shown[1:])).rstrip()
