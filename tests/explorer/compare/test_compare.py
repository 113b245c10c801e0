import json
import math
import re

import pytest
import torch
from streamlit.testing.v1 import AppTest

from explorer.compare import losses, samples
from explorer.compare.reading import read_text
from explorer.opened import open_model
from explorer.shared import examples, texts
from explorer.shared.sampling import Sampling
from gpt import Corpus, GPTConfig, Recipe, create_run, generate
from gpt.train.files import write_tensors
from gpt.train.loop import train
from tests.explorer.drawn import drawn

PAIR = ("runs/tiny", "runs/table")
SHORT = Sampling(max_new_tokens=12, seed=7)


def cells(app: AppTest) -> list[dict]:
    return [json.loads(mounted.proto.bytes) for mounted in drawn(app)]


def numbers(app: AppTest, label: str) -> list[float]:
    return [float(metric.value.replace(",", "")) for metric in app.metric if metric.label == label]


def finished(app: AppTest) -> AppTest:
    for _ in range(200):
        if app.button(key="samples:stop").disabled:
            return app
        app.run()
    raise AssertionError("the samples never ended")


def test_losses_wait_for_the_samples_and_then_stay(compare):
    app = compare()
    assert not numbers(app, "Loss, nats a token") or app.button(key="samples:stop").disabled
    assert len(numbers(finished(app), "Loss, nats a token")) == 2
    app.number_input(key="widget:seed").set_value(3).run()
    assert len(numbers(app, "Loss, nats a token")) == 2


def test_both_models_are_measured_on_the_same_held_out_text(compare):
    app = finished(compare())
    for per_token, bits, perplexity in zip(
        numbers(app, "Loss, nats a token"),
        numbers(app, "Bits per character"),
        numbers(app, "Perplexity, a token"),
        strict=True,
    ):
        assert bits == pytest.approx(per_token / math.log(2), abs=1e-3)
        assert perplexity == pytest.approx(math.exp(per_token), rel=1e-2)
    assert numbers(app, "Parameters") == [open_model(ref).model.n_params for ref in PAIR]
    assert any(
        "of the validation text of" in caption.value and "the same for both" in caption.value for caption in app.caption
    )


def test_the_prompt_is_coloured_by_both_and_by_the_difference(compare):
    left, right, difference = cells(compare(prompt="hear me"))
    assert "".join(left["texts"]) == "hear·me"
    assert left["strengths"][0] is None and left["notes"][0].endswith("nothing comes before it")
    nats = [[float(re.search(r"([\d.]+) nats", note)[1]) for note in side["notes"][1:]] for side in (left, right)]
    assert nats[0] == pytest.approx(read_text(open_model(PAIR[0]), "hear me").by_character[1:].tolist(), abs=1e-3)
    differences = [float(re.search(r"= ([+-][\d.]+) nats", note)[1]) for note in difference["notes"][1:]]
    assert differences == pytest.approx([a - b for a, b in zip(*nats, strict=True)], abs=2e-3)
    assert [fill for fill in difference["fills"][1:]] == [int(value < 0) for value in differences]


def test_samples_end_and_their_words_are_counted(compare):
    app = compare()
    app.number_input(key="widget:tokens").set_value(40).run()
    app = finished(app)
    assert not app.exception
    assert all(len(block.value) == 40 for block in app.code)
    assert re.fullmatch(r"–|\d+% of \d+", app.metric[0].value)
    assert re.fullmatch(r"\d+ characters", app.metric[1].value)


def test_stopping_keeps_what_was_written_and_going_on_adds_to_it(compare, monkeypatch):
    monkeypatch.setattr(samples, "FRAME", 0.0)
    app = compare()
    assert not app.button(key="samples:stop").disabled
    app.button(key="samples:stop").click().run()
    stopped = [block.value for block in app.code]
    app.run()
    assert [block.value for block in app.code] == stopped
    monkeypatch.setattr(samples, "FRAME", 0.5)
    app.button(key="samples:stop").click().run()
    app.run()
    assert all(now.value.startswith(before.strip()) for now, before in zip(app.code, stopped, strict=True))
    assert all(len(now.value) > len(before) for now, before in zip(app.code, stopped, strict=True))


def test_the_same_model_twice_is_said_and_agrees(compare):
    app = finished(compare(against="runs/tiny"))
    assert "same model" in app.info[0].value
    assert len(set(numbers(app, "Loss, nats a token"))) == 1
    assert not any(cells(app)[2]["strengths"][1:])


@pytest.mark.parametrize("prompt", ["x" * 10_000, "🎭 👩‍👩‍👧", "<script>alert(1)</script>", "\x00\x07\u202e", " ", "a"])
def test_hostile_prompts_are_read(compare, prompt):
    app = compare(prompt=prompt)
    assert all(len(side["texts"]) == len(prompt) for side in cells(app))
    assert not app.error


def test_characters_outside_the_alphabet_are_named(compare):
    left = cells(compare(prompt="me🎭me"))[0]
    assert left["notes"][2].endswith("not in this model's alphabet")
    assert left["strengths"][2] is None


def test_an_empty_prompt_still_compares_the_losses(compare):
    app = compare(prompt="")
    assert any("prompt is empty" in block.value for block in app.markdown)
    assert len(numbers(app, "Perplexity, a token")) == 2
    assert not cells(app)


def test_an_unknown_model_in_the_link_is_said(compare):
    app = compare(against="../../etc/passwd")
    assert "There is no model" in app.warning[0].value


def test_a_link_carries_the_seed(compare):
    app = compare(seed="99")
    assert app.number_input(key="widget:seed").value == 99
    app.number_input(key="widget:seed").set_value(100).run()
    assert app.query_params["seed"] == "100"


def test_texts_that_neither_can_share_are_said_not_to_compare(runs, compare):
    recipe = Recipe(
        model=GPTConfig(block_size=8, n_layer=0), text="digits", steps=1, batch_size=1, eval_batches=1, snapshots=1
    )
    train(
        create_run(runs / "digits", recipe, Corpus("digits", "0123456789" * 40, "made for a test")), torch.device("cpu")
    )
    app = finished(compare(against="runs/digits"))
    assert any("do not compare" in warning.value for warning in app.warning)


def test_a_model_that_diverged_is_said_to_have(runs, compare):
    recipe = Recipe(
        model=GPTConfig(block_size=8, n_layer=1, n_head=1, n_embd=4),
        text="own",
        steps=1,
        batch_size=1,
        eval_batches=1,
        snapshots=1,
    )
    run = create_run(
        runs / "diverged", recipe, Corpus("own", open_model("runs/tiny").run.corpus().text, "made for a test")
    )
    train(run, torch.device("cpu"))
    weights = {name: tensor * 1e30 for name, tensor in run.model().state_dict().items()}
    write_tensors(run.snapshot_path(1), weights)
    with pytest.raises(ValueError, match="the loss of 'runs/diverged' is no number: its training diverged"):
        texts.loss(open_model("runs/diverged"), (run.corpus().text[:200],))
    app = compare(against="runs/diverged")
    assert not app.exception
    assert any("diverged" in error.value for error in app.error)
    assert not any("must be finite" in error.value for error in app.error)


def test_samples_are_those_of_generate(runs):
    growing = samples.Samples((open_model(PAIR[0]), open_model(PAIR[1])), "hear me", SHORT)
    while growing.growing:
        growing.grow(5)
    for ref, ids in zip(PAIR, growing.ids, strict=True):
        prompt = torch.tensor(open_model(ref).tokenizer.encode("hear me"))
        steps = generate(open_model(ref).model, prompt, 12, seed=7)
        assert ids == [step.token for step in steps]


def test_stretches_are_spread_over_the_text_and_a_short_one_is_taken_whole():
    assert losses.stretches("abc") == ("abc",)
    text = "".join(map(str, range(40_000)))
    taken = losses.stretches(text)
    assert len(taken) == losses.STRETCHES and all(len(stretch) == losses.STRETCH for stretch in taken)
    assert text.startswith(taken[0]) and text.endswith(taken[-1])


def test_a_byte_pair_models_loss_is_shared_out_among_characters(runs):
    recipe = Recipe(
        model=GPTConfig(block_size=16, n_layer=0),
        text="own",
        tokenizer="bpe-280",
        steps=1,
        batch_size=1,
        eval_batches=1,
        snapshots=1,
    )
    text = "First Citizen: Before we proceed any further,\n" * 60
    train(create_run(runs / "bpe", recipe, Corpus("own", text, "made for a test")), torch.device("cpu"))
    loss = texts.loss(open_model("runs/bpe"), (text[:500],))
    ids = open_model("runs/bpe").tokenizer.encode(text[:500])
    characters = len(open_model("runs/bpe").tokenizer.decode(ids[1:]))
    assert loss.nats == pytest.approx(loss.nats_per_token * (len(ids) - 1))
    assert loss.bits_per_character * characters == pytest.approx(loss.nats / math.log(2))


def test_the_default_prompt_is_held_out():
    from gpt import load_corpus
    from gpt.text.batches import split_ids

    text = load_corpus("tinyshakespeare").text
    cut = len(split_ids(range(len(text)))[0])
    assert examples.VALIDATION in text[cut:]
    assert examples.VALIDATION not in text[:cut]
