"""Attention of two models on the same words."""

import json

import numpy as np
import pytest
import torch

from explorer.compare.figures import word_heatmap
from explorer.compare.words import read_words
from explorer.opened import open_model
from gpt.lens.word_patterns import merge_to_words
from tests.explorer.drawn import plots

PROMPT = "hear me, hear me speak"
WORDS = ["hear", "me", ",", "hear", "me", "speak"]


def heatmaps(app) -> list[dict]:
    specs = [json.loads(chart.spec) for chart in plots(app)]
    return [spec for spec in specs if spec["layout"].get("yaxis", {}).get("title", {}).get("text") == "word"]


def pick(app, side: str):
    return app.selectbox(key=f"widget:{side}-head")


def test_both_models_have_the_same_words_on_their_axes(compare, bpe):
    app = compare(right=bpe, prompt=PROMPT)
    left, right = heatmaps(app)
    assert left["layout"]["xaxis"]["ticktext"] == right["layout"]["yaxis"]["ticktext"] == WORDS
    assert any("of their weight on the same words" in caption.value for caption in app.caption)


def test_a_picked_head_is_in_the_link_and_its_rows_are_merged(compare, bpe):
    app = compare(right=bpe, prompt=PROMPT)
    pick(app, "left").set_value("L1H2").run()
    assert app.query_params["left-head"] == "L1H2"
    assert any("Attention between words: L1H2 of runs/tiny" in chart.alt for chart in plots(app))


def test_without_a_choice_the_right_head_is_the_most_alike(compare):
    app = compare(model="runs/tiny", right="runs/tiny", prompt=PROMPT)
    pick(app, "left").set_value("L1H1").run()
    assert pick(app, "right").value == "L1H1", "the same model has the same head"
    pick(app, "right").set_value("L0H0").run()
    next(button for button in app.button if button.label == "Most alike").click().run()
    assert pick(app, "right").value == "L1H1" and "right-head" not in app.query_params


def test_a_bigram_has_no_heads(compare):
    app = compare(prompt=PROMPT)
    assert len(heatmaps(app)) == 1
    assert any("runs/table has no heads" in block.value.replace("\\", "") for block in app.markdown)


def test_one_word_is_not_drawn(compare):
    app = compare(prompt="hear")
    assert any("one word" in block.value for block in app.markdown)
    assert not heatmaps(app)


@pytest.mark.parametrize("head", ["L9H9", "nonsense", "../x"])
def test_a_head_that_a_model_lacks_is_said(compare, head):
    app = compare(prompt=PROMPT, **{"left-head": head})
    assert any("There is no head" in caption.value for caption in app.caption)


def test_the_last_words_that_fit_into_both_contexts_are_read_whole(runs, bpe):
    pair = open_model("runs/tiny"), open_model(bpe)  # contexts of 32 and 16 tokens
    read = read_words(pair, 9 * "hear me speak. ")
    assert read.n_skipped and all(
        len(ids) <= opened.config.block_size for ids, opened in zip(read.ids, pair, strict=True)
    )
    for opened, ids, indices in zip(pair, read.ids, read.indices, strict=True):
        assert opened.tokenizer.decode(ids) == "".join(read.words)
        assert len(indices) == len(ids) and set(indices) == set(range(len(read.words)))


def test_the_figure_has_the_weights_and_nothing_for_later_words():
    pattern = merge_to_words(torch.tensor([[1.0, 0, 0], [0.25, 0.75, 0], [0.2, 0.3, 0.5]]), torch.tensor([0, 0, 1]))
    drawn = word_heatmap(pattern.numpy(), ["to", " " + "b" * 30])
    (cells,) = drawn.data
    assert np.allclose(cells.z, [[1, np.nan], [0.5, 0.5]], equal_nan=True)
    assert drawn.layout.xaxis.ticktext == ("to", "b" * 15 + "…")
