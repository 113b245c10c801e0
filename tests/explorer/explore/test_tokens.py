import json
import time

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from explorer.explore.tokens import panel as tokenizing
from explorer.shared import texts
from gpt import BPETokenizer, CharTokenizer, load_corpus
from gpt.checkpoints.smollm2 import find_smollm2
from gpt.text.corpus import MIN_CHARACTERS
from tests.explorer.drawn import drawn

PAGE = "../pages/tokens.py"


@pytest.fixture
def tokens(open_app):
    def open_with(**choices: str) -> AppTest:
        app = open_app(**{"text": "addition"} | choices).switch_page(PAGE).run()
        assert not app.exception
        assert app.title[0].value == "Tokens"
        return app

    return open_with


def cells(app: AppTest) -> dict[str, dict]:
    return {data["label"]: data for data in (json.loads(mounted.proto.bytes) for mounted in drawn(app))}


def test_the_prompt_has_tokens_and_ids_under_both_tokenizers(tokens):
    app = tokens(prompt="12+34=46")
    corpus = load_corpus("addition").text
    expected = CharTokenizer.from_text(corpus).encode("12+34=46")
    assert app.code[0].value == " ".join(map(str, expected))
    assert cells(app)["Tokens: characters"]["texts"] == list("12+34=46")
    byte_pairs = texts.byte_pairs(corpus)
    size = min(512, max(byte_pairs))
    assert app.code[1].value == " ".join(map(str, byte_pairs[size].encode("12+34=46")))


def test_smaller_vocabularies_are_those_trained_small():
    corpus = load_corpus("tinyshakespeare").text[:50_000]
    assert texts.byte_pairs(corpus)[384].to_dict()["tokens"] == BPETokenizer.train(corpus, 384).to_dict()["tokens"]


def test_what_is_outside_the_alphabet_has_no_id(tokens):
    drawn = cells(tokens(prompt="1🎭2"))["Tokens: characters"]
    assert drawn["notes"][1].endswith("not in the alphabet")
    assert [strength is None for strength in drawn["strengths"]] == [False, True, False]


@pytest.mark.parametrize("prompt", ["x" * 10_000, "🎭 👩‍👩‍👧", "<script>alert(1)</script>", "\x00\x07\u202e", " "])
def test_hostile_prompts_are_cut(tokens, prompt):
    app = tokens(prompt=prompt)
    assert len(cells(app)["Tokens: characters"]["texts"]) == len(prompt)
    assert not app.error


def test_an_empty_prompt_leaves_the_batch(tokens):
    app = tokens(prompt="")
    assert any("prompt is empty" in block.value for block in app.markdown)
    assert set(cells(app)) == {"The batch, one chunk per row", "Examples, context then target"}


def test_the_batch_is_what_training_draws(tokens):
    drawn = cells(tokens(B="3", T="5", seed="11"))["The batch, one chunk per row"]
    corpus = load_corpus("addition").text
    positions = texts.batch(int(0.9 * len(corpus)), 3, 5, 11)
    assert positions.shape == (3, 6)
    assert np.array_equal(np.diff(positions, axis=1), np.ones((3, 5)))
    assert drawn["rows"] == [6, 6, 6]
    shown = "".join(drawn["texts"]).replace("⏎", "\n").replace("·", " ")
    assert shown == "".join(corpus[position] for position in positions.flat)


def test_a_row_is_unrolled_into_every_length_of_context(tokens):
    app = tokens(B="2", T="6")
    chunk = cells(app)["The batch, one chunk per row"]["texts"][:7]
    examples = cells(app)["Examples, context then target"]
    assert examples["rows"] == [2, 3, 4, 5, 6, 7]
    assert examples["texts"] == [token for length in range(2, 8) for token in chunk[:length]]


def test_another_batch_is_another_seed_in_the_link(tokens):
    app = tokens(seed="5")
    before = cells(app)["The batch, one chunk per row"]["texts"]
    next(button for button in app.button if button.label == "Another batch").click().run()
    assert app.query_params["seed"] == "6"
    assert cells(app)["The batch, one chunk per row"]["texts"] != before


@pytest.mark.parametrize(
    ("name", "value"), [("B", "900"), ("T", "zzz"), ("seed", "-4"), ("vocabulary", "7"), ("text", "../x")]
)
def test_a_link_with_nonsense_opens(tokens, name, value):
    app = tokens(**{name: value})
    assert "The batch, one chunk per row" in cells(app)
    assert (name == "text") == any("There is no text" in caption.value for caption in app.caption)


def test_ones_own_text(tokens):
    app = tokens(text=tokenizing.OWN)
    assert any("no text yet" in block.value for block in app.markdown)
    app.file_uploader[0].set_value(("notes.txt", b"attention is all you need. " * 20, "text/plain")).run()
    assert not app.exception
    assert "BPE trained on notes" in " ".join(block.value for block in app.markdown)


@pytest.mark.parametrize("data", [b"", b"\x00\x01\x02" * 200, b"\xff\xfe\xfa" * 101])
def test_an_upload_that_is_no_text_is_explained(tokens, data):
    app = tokens(text=tokenizing.OWN)
    app.file_uploader[0].set_value(("notes.bin", data, "application/octet-stream")).run()
    assert not app.exception
    assert app.error


def test_the_shortest_text_allowed_holds_the_longest_chunks(tokens):
    app = tokens(text=tokenizing.OWN, block=str(tokenizing.BLOCK.high))
    app.file_uploader[0].set_value(("short.txt", b"abcdefghij" * (MIN_CHARACTERS // 10), "text/plain")).run()
    assert not app.exception and not app.error
    assert cells(app)["The batch, one chunk per row"]["rows"][0] == tokenizing.BLOCK.high + 1


def test_a_models_tokenizer_is_beside_the_others(tokens):
    app = tokens(prompt="hear me 🎭")
    assert "Tokens: model" not in cells(app)
    app.selectbox(key="widget:tokenizer-of").set_value("runs/tiny").run()
    assert app.query_params["tokenizer-of"] == "runs/tiny"
    drawn = cells(app)["Tokens: model"]
    assert drawn["texts"] == list("hear·me·🎭") and drawn["notes"][8].endswith("not in the alphabet")
    assert any(block.value.startswith("**runs/tiny** · vocabulary") for block in app.markdown)


@pytest.mark.skipif(find_smollm2() is None, reason="make smollm2 installs it")
def test_smollm2s_tokenizer_is_beside_the_others(tokens):
    text = "Mr. Dursley was proud to say."
    app = tokens(prompt=text, **{"tokenizer-of": "smollm2"})
    drawn = cells(app)["Tokens: model"]
    assert "".join(drawn["texts"]) == text.replace(" ", "·") and len(drawn["texts"]) < 12
    (summary,) = (block.value for block in app.markdown if block.value.startswith("**SmolLM2**"))
    assert "vocabulary 49,152" in summary and "characters a token" in summary


def test_a_tokenizer_of_no_model_is_said(tokens):
    app = tokens(**{"tokenizer-of": "../x"})
    assert any("There is no tokenizer of a model" in caption.value for caption in app.caption)


def test_gpt2_where_it_cannot_be_had_is_information(tokens, monkeypatch):
    texts.gpt2.clear()
    monkeypatch.setattr(BPETokenizer, "gpt2", lambda: (_ for _ in ()).throw(ValueError("not on this machine")))
    app = tokens()
    next(button for button in app.button if button.label.startswith("Load GPT-2")).click().run()
    assert not app.exception
    assert "not on this machine" in app.info[0].value


def test_gpt2_that_never_arrives_does_not_hang_the_page(tokens, monkeypatch):
    texts.gpt2.clear()
    monkeypatch.setattr(texts, "PATIENCE", 0.05)
    monkeypatch.setattr(BPETokenizer, "gpt2", lambda: time.sleep(3))
    app = tokens()
    next(button for button in app.button if button.label.startswith("Load GPT-2")).click().run()
    assert "did not arrive" in app.info[0].value


def test_gpt2_is_shown_once_loaded(tokens, monkeypatch):
    texts.gpt2.clear()
    stand_in = BPETokenizer.train("one two three " * 50, 270)
    monkeypatch.setattr(BPETokenizer, "gpt2", lambda: stand_in)
    app = tokens(prompt="one two")
    next(button for button in app.button if button.label.startswith("Load GPT-2")).click().run()
    texts.gpt2.clear()
    assert "".join(cells(app)["Tokens: gpt2"]["texts"]) == "one·two"
    assert app.code[2].value == " ".join(map(str, stand_in.encode("one two")))
