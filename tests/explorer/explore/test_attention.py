"""The first page, through the router: what it draws, and what it says to prompts, links and runs that are not as
they should be.
"""

import json
import shutil
import struct

import numpy as np
import pytest
import torch

from explorer.explore.heads import panel as heads
from explorer.shared import texts
from gpt import load_run
from tests.explorer.drawn import drawn, plots
from tests.explorer.elements import press

CONTROL = "".join(map(chr, range(32)))


def header(app) -> dict:
    """What the attention view was sent."""
    data = drawn(app)[0].proto.bytes
    (length,) = struct.unpack("<I", data[:4])
    return json.loads(data[4 : 4 + length])


def weights(app) -> np.ndarray:
    """The patterns that the attention view was sent, (n_layer, n_head, T, T)."""
    data, sent = drawn(app)[0].proto.bytes, header(app)
    length, T = struct.unpack("<I", data[:4])[0], len(sent["tokens"])
    codes = np.frombuffer(data[4 + length :], "<u2").reshape(sent["layers"], sent["heads"], -1)
    patterns = np.zeros((sent["layers"], sent["heads"], T, T))
    patterns[(..., *np.tril_indices(T))] = (codes / 65535.0) ** 3
    return patterns


def messages(app) -> str:
    return "\n".join(element.value for kind in (app.error, app.warning, app.caption) for element in kind)


def bars(app) -> dict:
    chart = next(chart for chart in plots(app) if "Next-token probabilities" in chart.alt)
    return json.loads(chart.spec)["data"][0]


def is_shown(app) -> bool:
    return not app.exception and [title.value for title in app.title] == ["Attention"]


def test_it_draws_the_models_own_patterns(open_app, runs):
    app = open_app(prompt="hear me speak")
    model = load_run(runs / "tiny")
    ids = torch.tensor([model.tokenizer.encode("hear me speak")])
    _, cache = model.model().run_with_cache(ids, "blocks.*.attn.hook_pattern")
    expected = np.stack([cache["pattern", layer][0].numpy() for layer in range(2)])
    assert is_shown(app) and header(app)["tokens"] == list("hear·me·speak")
    np.testing.assert_allclose(weights(app), expected, atol=1e-4)


def test_bars_are_the_models_own_distribution(open_app, runs):
    app = open_app(prompt="hear me speak")
    run = load_run(runs / "tiny")
    with torch.inference_mode():
        expected = run.model()(torch.tensor([run.tokenizer.encode("hear me speak")]))[0, -1].softmax(-1)
    shown = bars(app)
    assert shown["text"][0] == f"{expected.max().item():.1%}"
    assert len(shown["text"]) == 13


def test_a_link_opens_the_head_it_names(open_app):
    assert header(open_app(layer="1", head="2"))["look"]["head"] == [1, 2]


@pytest.mark.parametrize(("layer", "head", "shown"), [("9", "9", [1, 2]), ("-1", "x", [0, 0]), ("٣", "1", [0, 1])])
def test_a_head_that_is_not_there_is_clamped_and_reported(open_app, layer, head, shown):
    app = open_app(layer=layer, head=head)
    assert is_shown(app) and header(app)["look"]["head"] == shown
    notes = messages(app)
    assert ("There is no layer" in notes) == (layer != str(shown[0]))
    assert ("There is no head" in notes) == (head != str(shown[1]))
    assert "only 0 to 1" in notes


def test_a_short_prompt_asks_for_nothing(open_app):
    assert not open_app(prompt="speak").warning


def test_an_empty_prompt_suggests_one(open_app):
    app = open_app(prompt="")
    assert is_shown(app) and not drawn(app)
    assert any("empty" in markdown.value for markdown in app.markdown)
    app = next(button for button in app.button if button.label == "Use an example").click().run()
    assert is_shown(app) and app.text_area[0].value.startswith("First Citizen") and drawn(app)


def test_a_long_prompt_is_kept_and_its_end_is_read(open_app):
    app = open_app(prompt=9_990 * "e" + "hear me sp")
    assert is_shown(app) and len(app.text_area[0].value) == 10_000
    assert "Only the last 32 of 10,000 tokens are read" in messages(app)
    assert header(app)["tokens"][-4:] == list("e·sp")


def test_a_longer_prompt_is_cut_and_reported(open_app):
    app = open_app(prompt=12_000 * "e")
    assert is_shown(app) and len(app.text_area[0].value) == 10_000 and "12,000" in messages(app)


@pytest.mark.parametrize("prompt", ["😀 e", CONTROL + "e", "<script>alert(1)</script>", "e‮\ud83dx", "$x$ :red[e] `e`"])
def test_characters_outside_the_alphabet_are_named_and_replaced(open_app, prompt):
    prompt = prompt.encode("utf-8", "replace").decode()
    app = open_app(prompt=prompt)
    assert is_shown(app) and "alphabet" in messages(app)
    assert len(header(app)["tokens"]) == min(32, len(prompt))
    assert "<script" not in messages(app)


@pytest.mark.parametrize("model", ["../../etc", "runs/../../etc/passwd", "nobody", "<script>", "/etc", ""])
def test_an_unknown_model_is_reported_and_another_one_shown(open_app, model):
    app = open_app(model=model, prompt="hear me")
    assert is_shown(app) and "There is no model" in messages(app)
    assert app.text_area[0].value == "hear me" and app.selectbox[0].value in app.selectbox[0].options[0]


def test_a_bigram_has_bars_and_generation_but_no_heads(open_app):
    app = open_app(model="runs/table")
    assert is_shown(app) and not drawn(app)
    assert any("no heads" in markdown.value for markdown in app.markdown)
    assert plots(app)


def truncated(runs):
    file = max((runs / "tiny" / "snapshots").iterdir())
    file.write_bytes(file.read_bytes()[:1000])


def alien(runs):
    shutil.copy(max((runs / "table" / "snapshots").iterdir()), max((runs / "tiny" / "snapshots").iterdir()))


def pickled(runs):
    max((runs / "tiny" / "snapshots").iterdir()).write_bytes(b"\x80\x04cposix\nsystem\n(S'touch /tmp/x'\ntR.")


def without_tokenizer(runs):
    (runs / "tiny" / "tokenizer.json").unlink()


def without_snapshots(runs):
    shutil.rmtree(runs / "tiny" / "snapshots")


def nonsense(runs):
    (runs / "tiny" / "config.json").write_text("[1, {")


@pytest.mark.parametrize("damage", [truncated, alien, pickled, without_tokenizer, without_snapshots, nonsense])
def test_a_damaged_run_is_reported_as_text(open_app, runs, damage):
    damage(runs)
    app = open_app(prompt="hear me")
    assert is_shown(app) and len(app.error) == 1 and "tiny" in app.error[0].value
    assert app.text_area[0].value == "hear me"


def test_a_new_snapshot_is_seen(open_app, runs):
    before = weights(open_app(prompt="hear me speak"))
    first, *_, last = sorted((runs / "tiny" / "snapshots").iterdir())
    shutil.copy(first, last)
    assert not np.array_equal(weights(open_app(prompt="hear me speak")), before)


def test_next_token_draws_one_and_append_puts_it_into_the_prompt(open_app):
    app = press(press(open_app(prompt="hear me"), "Next token"), "Next token")
    drawn = app.code[0].value
    assert not app.exception and len(drawn) == 2
    app = press(app, "Append to the prompt")
    assert app.text_area[0].value == "hear me" + drawn
    assert app.query_params["prompt"] == "hear me" + drawn


def test_the_same_seed_draws_the_same_text_and_another_seed_another(open_app):
    def text(seed):
        app = open_app(prompt="hear me")
        next(number for number in app.number_input if number.label == "Seed").set_value(seed)
        for _ in range(6):
            app = press(app, "Next token")
        return app.code[0].value

    assert text(1) == text(1) != text(2)


def test_the_grid_says_what_heads_do_with_names_from_the_scores(open_app):
    captions = header(open_app(model="induction", prompt="abcabc"))["captions"]
    assert captions == {"L1H0": "induction", "L1H1": "induction", "L1H3": "induction", "L0H1": "previous token"}
    assert header(open_app(prompt="hear me"))["captions"] == {}


def test_a_link_arranges_the_heads_by_their_scores(open_app):
    choices = {"order": "induction", "role": "previous token", "hide-rest": "True"}
    sent = header(open_app(model="induction", prompt="abcabc", **choices))
    look, arrange = sent["look"], sent["arrange"]
    assert (look["order"], look["role"], look["hides_rest"]) == ("induction", "previous token", True)
    assert list(arrange["scores"]) == ["previous token", "first token", "duplicate token", "induction", "entropy"]
    assert arrange["scores"]["induction"][1][3] > 0.4 and arrange["rest"] == 0.8
    assert "There is no order" in messages(open_app(prompt="hear me", order="size"))


def test_the_weight_on_the_first_token_is_that_of_the_prompt(open_app):
    app = open_app(prompt="hear me speak")
    expected = weights(app)[:, :, 1:, 0].mean(-1)
    np.testing.assert_allclose(header(app)["arrange"]["first"], expected, atol=1e-3)


def test_the_patterns_are_drawn_before_the_heads_are_scored(open_app, monkeypatch):
    seen = []
    monkeypatch.setattr(texts, "known_head_scores", lambda opened: None)
    monkeypatch.setattr(heads, "score_heads", lambda opened: seen.append(opened.ref))
    app = open_app(prompt="hear me")
    assert header(app)["captions"] == {} and seen == ["runs/tiny"]
