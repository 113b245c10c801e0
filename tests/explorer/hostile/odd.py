"""Odd values, drawn by a seeded generator: texts, numbers, JSON, and damaged bytes."""

import json
from random import Random
from typing import Any

TEXTS = (
    "", " ", "\0", "\x1b[2J", "\ud800", "\u202e", "\ufeff", "\U0010ffff", "e\u0301" * 40, "🙂", "nan", "inf", "-inf",
    "1e999", "-1", "-0", "0x10", "١٢", "1,2", ",,,", "1,,2", "9" * 400, "99999999999999999999", "1.5", "True", "None",
    "null", "[]", "{}", "..", "../../etc/passwd", "/etc/passwd", "runs/../tiny", "runs/", "real/x", "smollm2/..", "~",
    "C:\\con", "con", "<script>alert(1)</script>", "![x](http://x/y)", ":red[x]", "$\\frac{1}{", "`" * 30, "%00",
    "%s%n", "' OR 1=1", "x" * 9_000, "a:b,c:d", "1.1,9.9,avg.0", "steps:1e9,lr:-1,text:/etc/passwd", "L1H1", "0,0",
    "runs/tiny", "tiny", "table", "language", "addition", "cpu",
)  # fmt: skip
NUMBERS = (0, -1, 1, 2**31, 2**53, 2**63, 10**9, 10**30, 10**400, 0.0, -0.0, 1e308, float("nan"), float("inf"), 0.5)


def text(draw: Random) -> str:
    """A text of the list, or random characters."""
    if draw.random() < 0.8:
        return draw.choice(TEXTS)
    return "".join(chr(draw.choice((draw.randrange(128), draw.randrange(0x3000)))) for _ in range(draw.randrange(60)))


def argument(draw: Random) -> str:
    """A text that a shell can pass to a command: no zero byte and no half character."""
    return text(draw).replace("\0", "").encode("utf-8", "replace").decode()


def value(draw: Random, depth: int = 2) -> Any:
    """A value that JSON can write."""
    kind = draw.randrange(6 if depth else 4)
    if kind == 0:
        return text(draw)
    if kind in (1, 2):
        return draw.choice(NUMBERS)
    if kind == 3:
        return draw.choice((None, True, False))
    several = [value(draw, depth - 1) for _ in range(draw.randrange(4))]
    return several if kind == 4 else {text(draw): each for each in several}


def changed(draw: Random, content: Any) -> Any:
    """The same JSON with one value in it changed, left out, or added."""
    if isinstance(content, dict) and content and draw.random() < 0.9:
        name = draw.choice(list(content))
        if draw.random() < 0.1:
            return {each: content[each] for each in content if each != name}
        return content | {name: changed(draw, content[name])} | ({text(draw): 1} if draw.random() < 0.1 else {})
    if isinstance(content, list) and content and draw.random() < 0.5:
        place = draw.randrange(len(content))
        return [*content[:place], changed(draw, content[place]), *content[place + 1 :]]
    return value(draw)


def damaged(draw: Random, content: bytes) -> bytes:
    """The same file with bytes changed, cut off, doubled or replaced."""
    kind = draw.randrange(8)
    if kind == 0:
        return content[: draw.randrange(len(content) + 1)]
    if kind == 1:
        return content + content[: draw.randrange(len(content) + 1)]
    if kind == 2:
        return draw.choice((b"", b"\0" * 5_000, b"[" * 100_000, b"{", b"null", b"\xff\xfe", draw.randbytes(3_000)))
    bytes_ = bytearray(content)
    for _ in range(draw.randrange(1, 9)):
        if bytes_:
            near_the_start = draw.random() < 0.5
            bytes_[draw.randrange(min(400, len(bytes_)) if near_the_start else len(bytes_))] = draw.randrange(256)
    return bytes(bytes_)


def changed_file(draw: Random, content: bytes, is_json: bool) -> bytes:
    """A damaged file; a JSON file is in half of the cases still JSON, with another value in it."""
    if is_json and draw.random() < 0.6:
        return json.dumps(changed(draw, json.loads(content))).encode()
    return damaged(draw, content)
