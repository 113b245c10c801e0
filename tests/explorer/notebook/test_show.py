"""The views for notebooks: from a run, a model, and plain arrays, without a session."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from explorer.notebook import save_page, show_attention, show_curves, show_film, show_logit_lens, show_residual
from explorer.notebook.widgets import AttentionWidget, FilmWidget
from gpt import GPT, GPTConfig, load_run
from tests.explorer.drawn import unpack

ROOT = Path(__file__).parents[3]
QUIET = """
import sys
import explorer.notebook
assert "torch" not in sys.modules and "anywidget" not in sys.modules
from streamlit import runtime
explorer.notebook.show_film("runs/tiny", "hear me")
assert not runtime.exists()
"""


def random_patterns(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).dirichlet(np.ones(shape[-1]), shape[:-1]).astype(np.float32)


def weights_in(widget: AttentionWidget) -> tuple[dict, np.ndarray]:
    header, codes = unpack(widget.view_message)
    shape = (len(header["kept"]), header["heads"], -1)
    return header, (np.frombuffer(codes.tobytes(), "<u2").reshape(shape) / 65535.0) ** 3


def test_importing_it_starts_nothing_and_says_nothing(runs):
    done = subprocess.run([sys.executable, "-c", QUIET], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("source", ["runs/tiny", "folder", "run", "model"])
def test_a_model_on_a_prompt_has_its_own_patterns(runs, source):
    run = load_run(runs / "tiny")
    given = {"runs/tiny": "runs/tiny", "folder": runs / "tiny", "run": run, "model": run.model()}[source]
    view = show_attention(given, "hear me", tokenizer=run.tokenizer if source == "model" else None, head=(1, 2))
    header, weights = weights_in(view)
    assert header["tokens"] == list("hear·me") and header["causal"] and (view.layer, view.head) == (1, 2)
    cache = run.model().run_with_cache(torch.tensor([run.tokenizer.encode("hear me")]))[1]
    expected = np.stack([cache["pattern", layer][0].numpy()[:, *np.tril_indices(7)] for layer in range(2)])
    assert np.abs(weights - expected).max() <= 2.4e-5


def test_arrays_of_any_model_come_as_transformers_gives_them():
    layers = [torch.tensor(random_patterns(1, 3, 5, 5, seed=seed)) for seed in range(2)]
    view = show_attention(patterns=tuple(layers), tokens=[b"a", " b", "c", "d", "</script>"])
    header, weights = weights_in(view)
    assert not header["causal"] and header["tokens"] == ["a", "·b", "c", "d", "</script>"]
    expected = np.stack([layer[0].numpy().reshape(3, -1) for layer in layers])
    assert np.abs(weights - expected).max() <= 2.4e-5
    crossed = show_attention(patterns=random_patterns(1, 2, 3, 5), tokens=["a", "b", "c"], keys=list("vwxyz"))
    assert unpack(crossed.view_message)[0]["keys"] == list("vwxyz")
    half = show_attention(patterns=[layers[0].bfloat16()], tokens=list("abcde"))
    assert half.view_message and unpack(half.view_message)[0]["layers"] == 1


EVEN = np.full((1, 2, 3, 3), 1 / 3, np.float32)
SPOILT = EVEN.copy()
SPOILT[0, 1, 2, 0] = 0.9
HOLED = EVEN.copy()
HOLED[0, 0, 1, 1] = np.nan


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "give a model and a prompt, or patterns"),
        ({"source": "induction", "patterns": EVEN}, "give a model and a prompt, or patterns"),
        ({"patterns": EVEN}, "list of 3 tokens; got 0"),
        ({"patterns": EVEN, "tokens": "abc"}, "list of 3 tokens; got one string"),
        ({"patterns": EVEN, "tokens": ["a", "b"]}, "list of 3 tokens; got 2"),
        ({"patterns": EVEN, "tokens": list("abc"), "keys": ["a"]}, "list of 3 keys; got 1"),
        ({"patterns": SPOILT, "tokens": list("abc")}, "row 2 of head 1 in layer 0 sums to 1.5667"),
        ({"patterns": HOLED, "tokens": list("abc")}, "row 1 of head 0 in layer 0 has a weight that is not finite"),
        ({"patterns": EVEN[0], "tokens": list("abc")}, r"layer 0 has shape \(3, 3\)"),
        ({"patterns": [EVEN[0], EVEN[0][:1]], "tokens": list("abc")}, r"layer 1 has shape \(1, 3, 3\), and layer 0"),
        ({"patterns": np.concatenate([EVEN, EVEN])[None], "tokens": list("abc")}, "the patterns of 2 texts"),
        ({"patterns": [], "tokens": []}, "patterns of 0 layers are empty"),
        ({"patterns": ["x"], "tokens": []}, "layer 0 is no array of numbers"),
        ({"patterns": EVEN[:, :, :2], "tokens": list("ab")}, "2 queries read 3 keys; give the tokens that are read"),
        ({"patterns": EVEN, "tokens": list("abc"), "layers": [1]}, r"layers=\[1\] are not among 0 to 0"),
        ({"patterns": EVEN, "tokens": list("abc"), "head": (0, 2)}, r"there is no head \(0, 2\)"),
        ({"source": "nothing"}, "there is no run 'nothing'; these ship: .*induction"),
        ({"source": "shakespeare-bigram"}, "a bigram table has no heads"),
        ({"source": "translate"}, "does not continue a prompt"),
        ({"source": "induction", "prompt": ""}, "the prompt is empty"),
        ({"source": 3}, "int cannot be opened"),
    ],
)
def test_what_cannot_be_drawn_says_why(given, said):
    with pytest.raises(ValueError, match=said):
        show_attention(**given)


def test_too_many_patterns_say_so(monkeypatch):
    monkeypatch.setattr("explorer.notebook.arrays.MOST", 50)
    with pytest.raises(ValueError, match=re.escape("are drawn: give fewer layers, or the patterns of a shorter text")):
        show_attention(patterns=EVEN, tokens=list("abc"))


def test_a_model_in_training_or_without_a_tokenizer_says_so():
    model = GPT(GPTConfig(vocab_size=5, block_size=8, n_layer=1, n_head=1, n_embd=4))
    with pytest.raises(ValueError, match=r"call model.eval\(\) first"):
        show_attention(model, "a")
    with pytest.raises(ValueError, match="give tokenizer="):
        show_attention(model.eval(), "a")


def test_tokens_may_be_an_array():
    patterns, letters = random_patterns(2, 2, 3, 3), list("abc")
    views = [show_attention(patterns=patterns, tokens=tokens) for tokens in (letters, np.array(letters))]
    assert views[0].view_message == views[1].view_message


def test_a_layer_comes_when_the_browser_asks_for_it(monkeypatch):
    monkeypatch.setattr("explorer.notebook.attention.AT_ONCE", 0)
    monkeypatch.setattr("explorer.components.attention_view.encoding.AT_ONCE", 0)
    patterns = random_patterns(2, 2, 9, 9)
    view = show_attention(patterns=patterns, tokens=list("abcdefghi"))
    stamp = unpack(view.view_message)[0]["stamp"]
    assert view.small_message and not view.layer_message
    view.asked = {"layer": 1, "stamp": "other"}
    assert not view.layer_message
    view.asked = {"layer": 1, "stamp": stamp}
    header, codes = unpack(view.layer_message)
    weights = (np.frombuffer(codes.tobytes(), "<u2").reshape(2, 9, 9) / 65535.0) ** 3
    assert header["layer"] == 1 and np.abs(weights - patterns[1]).max() <= 2.4e-5


def test_a_film_has_every_snapshot(runs):
    film = show_film("runs/tiny", "hear me")
    header, _ = unpack(film.film)
    assert isinstance(film, FilmWidget) and header["steps"] == load_run(runs / "tiny").steps and film.step == 2
    assert show_film("runs/tiny", step=header["steps"][0]).step == header["steps"][0]
    with pytest.raises(ValueError, match="no snapshot of step 99"):
        show_film("runs/tiny", step=99)
    with pytest.raises(ValueError, match="is no run of this app"):
        show_film("some/model")


def test_the_figures_are_those_of_the_app(runs):
    table = show_logit_lens("runs/tiny", "hear me", color="entropy", dark=True)
    assert table.layout.paper_bgcolor == "#111417" and len(table.data[0].z) == 7
    assert len(show_residual("runs/tiny", "hear me").data) == 3
    assert [trace.name for trace in show_curves("runs/tiny").data][1:] == ["train", "validation"]
    assert len(show_curves("chat-policy").data) > 1
    with pytest.raises(ValueError, match="color='heat' is not known"):
        show_logit_lens("runs/tiny", color="heat")
    with pytest.raises(ValueError, match="position 7 is not among 7 tokens"):
        show_residual("runs/tiny", "hear me", position=7)


def test_a_run_becomes_a_page(runs, tmp_path):
    assert save_page("runs/tiny", tmp_path / "tiny.html", ["hear me"]).read_bytes().startswith(b"<!DOCTYPE html>")


def test_without_anywidget_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "anywidget", None)
    monkeypatch.delitem(sys.modules, "explorer.notebook.widgets")
    with pytest.raises(ImportError, match=re.escape("pip install 'attention-explorer[notebook]'")):
        show_attention("induction")
