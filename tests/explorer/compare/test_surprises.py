"""A prompt and a validation text under a character model and a byte-pair model."""

import math
import re

import pytest

from explorer.compare.losses import shared_validation_text, stretches
from explorer.compare.panel import simplify
from explorer.compare.reading import read_text
from explorer.opened import open_model
from explorer.shared import texts
from tests.explorer.compare.test_compare import cells, finished, numbers

PROMPT = "hear me speak"


def test_each_character_names_the_tokens_of_both_models(compare, bpe):
    left, right, _ = cells(compare(right=bpe, prompt=PROMPT))
    tokenizer = open_model(bpe).tokenizer
    tokens = tokenizer.tokens(tokenizer.encode(PROMPT))
    assert len(tokens) < len(PROMPT)
    at = 0
    for token in tokens:
        shown = token.replace(" ", "·")
        for note in right["notes"][at : at + len(token)] if at else []:
            assert re.search(rf"nats = [\d.]+ bits, token {re.escape(shown)}: p = [\d.]+%, rank \d+\n", note)
        at += len(token)
    for mine, theirs in zip(left["notes"], right["notes"], strict=True):
        own, other = mine.split("  ", 1)[1].split("\nruns/bpe: ")
        assert theirs.split("  ", 1)[1] == f"{other}\nruns/tiny: {own}"


def test_a_line_is_drawn_where_a_token_begins(compare, bpe):
    left, right, _ = cells(compare(right=bpe, prompt=PROMPT))
    tokenizer = open_model(bpe).tokenizer
    lengths = [len(token) for token in tokenizer.tokens(tokenizer.encode(PROMPT))]
    starts = [sum(lengths[:i]) for i in range(len(lengths))]
    assert [i for i, edge in enumerate(right["edges"]) if edge] == starts
    assert not any(left["edges"]), "every character is a token"


def test_the_parts_of_a_character_are_all_named(compare, bpe):
    text = "hear 🎭 me"
    left, right, _ = cells(compare(right=bpe, prompt=text))
    note = right["notes"][5]
    assert note.count("token \\x") == 4 and note.count("rank") == 4
    read = read_text(open_model(bpe), text)
    assert float(re.search(r"([\d.]+) nats", note)[1]) == pytest.approx(float(read.by_character[5]), abs=1e-3)
    assert left["notes"][5].split("\n")[0].endswith("not in this model's alphabet")


def test_both_numbers_are_about_the_same_bytes(compare, bpe):
    app = compare(right=bpe, prompt=PROMPT)
    pair = open_model("runs/tiny"), open_model(bpe)
    (start,) = texts.shared_starts(pair, (PROMPT,))
    counted = len(PROMPT) - start
    assert any(f"the same {counted} of {len(PROMPT)} bytes" in caption.value for caption in app.caption)
    shown = [block.value for block in app.markdown if "bits a byte" in block.value]
    for opened, line in zip(pair, shown, strict=True):
        nats = read_text(opened, PROMPT).by_character[start:].sum()
        assert f"{nats / math.log(2) / counted:.2f} bits a byte" in line


def test_validation_losses_count_the_same_bytes(compare, bpe):
    app = finished(compare(right=bpe))
    pair = open_model("runs/tiny"), open_model(bpe)
    pieces = stretches(shared_validation_text(pair)[1])
    given = texts.shared_starts(pair, pieces)
    losses = [texts.loss(opened, pieces, given) for opened in pair]
    assert losses[0].n_bytes == losses[1].n_bytes == len(pieces[0]) - given[0]
    assert numbers(app, "Bits per byte") == pytest.approx([loss.bits_per_byte for loss in losses], abs=1e-3)
    assert numbers(app, "Bits per byte") == numbers(app, "Bits per character"), "the text is ASCII"
    per_token, per_byte = numbers(app, "Loss, nats a token")[1], numbers(app, "Bits per byte")[1]
    assert per_byte < per_token / math.log(2), "a token has several bytes"


def test_a_model_without_its_training_text_is_measured_on_the_others(runs, compare, bpe, monkeypatch):
    monkeypatch.setattr(texts, "has_corpus", lambda opened: opened.ref != bpe)
    pair = open_model(bpe), open_model("runs/tiny")
    assert shared_validation_text(pair)[1] == texts.parts(pair[1])[1]
    app = finished(compare(model=bpe, right="runs/tiny"))
    assert any("training text is not on this machine" in caption.value for caption in app.caption)
    assert any("The training text of runs/bpe may contain it" in re.sub(r"\\\\", "", c.value) for c in app.caption)
    monkeypatch.setattr(texts, "has_corpus", lambda opened: False)
    assert shared_validation_text(pair)[0] == "tinyshakespeare"


def test_characters_outside_an_alphabet_are_named_and_can_be_replaced(compare, bpe):
    app = compare(right=bpe, prompt="hear “mé” 🎭")
    (warning,) = (each.value for each in app.warning if "has no token for" in each.value)
    assert all(character in warning for character in "“é”🎭")
    buttons = {button.label: button for button in app.button}
    assert "Replace by simpler characters" not in buttons, "nothing replaces the emoji"
    buttons["Remove these characters"].click().run()
    assert app.query_params["prompt"] == "hear m "
    assert not any("has no token for" in each.value for each in app.warning)


def test_accents_and_curly_quotes_become_simple_characters(compare):
    app = compare(prompt="héar me")
    next(button for button in app.button if button.label.startswith("Replace")).click().run()
    assert app.query_params["prompt"] == "hear me"


def test_simpler_characters():
    assert simplify("“Café” ½ 🎭", set("“é”½🎭")) == '"Cafe" 1⁄2 🎭'
    assert simplify("é", set()) == "é"
