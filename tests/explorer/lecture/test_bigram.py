"""The bigram: the untrained, the trained and the counted table, and the noise of single batches."""

import math
from functools import partial

import numpy as np
import pytest
import torch

from explorer.lecture.bigram import panel as bigram
from explorer.lecture.bigram.figures import next_token_table, noisy_and_averaged
from explorer.shared import texts
from gpt import create_run, load_corpus
from gpt.train.loop import train
from gpt.train.objectives.language import estimate_loss


@pytest.fixture
def bigram_page(open_page):
    return partial(open_page, "bigram")


def test_the_untrained_table_loses_more_than_one_that_knows_nothing(bigram_page):
    app = bigram_page()
    assert not app.exception and not app.metric
    next(button for button in app.button if button.label == "Just show it").click().run()
    lectures, even, uniform, untrained = (float(metric.value) for metric in app.metric)
    assert lectures == 4.8786  # lecture 0:22:11
    assert even == uniform == round(math.log(bigram.tokenizer().vocab_size), 4) < untrained


def test_training_begins_with_the_table_that_is_shown_before_it(runs):
    run = create_run(runs / "lecture-bigram-table", bigram.RECIPE.changed(steps=1, eval_batches=1))
    train(run, torch.device("cpu"))
    assert torch.equal(run.model(0).table.weight, bigram.untrained().table.weight)


def test_the_recipe_approaches_the_counted_table(runs, bigram_page):
    run = create_run(runs / "lecture-bigram-table", bigram.RECIPE)
    train(run, torch.device("cpu"))
    _, held_out = texts.halves(load_corpus(bigram.RECIPE.text).text)
    counted = estimate_loss(bigram.counted(), held_out, bigram.RECIPE)
    assert counted < [row["val_loss"] for row in run.metrics() if "val_loss" in row][-1] < counted + 0.03
    app = bigram_page()
    sentence = next(caption.value for caption in app.caption if "differ in" in caption.value)
    before, now = (float(part.split("%")[0]) for part in sentence.split(" in ")[1:3])
    assert not app.exception and now < before / 4
    assert f"after step {bigram.RECIPE.steps}" in " ".join(text.value for text in app.markdown)
    assert len({code.value for code in app.code[1:4]}) == 3


def test_without_a_training_the_noise_of_a_finished_run_is_grey(bigram_page):
    app = bigram_page()
    assert any(found.value.startswith("Grey: finished runs of ours.") for found in app.caption)


def test_the_mean_of_a_window_is_its_mean():
    losses = [4.0, 2.0, 3.0, 1.0]
    batches, means = noisy_and_averaged([0, 1, 2, 3], losses, 2).data
    assert list(batches.y) == losses and list(means.x) == [1, 2, 3] and np.allclose(means.y, [3, 2.5, 2])
    with pytest.raises(ValueError, match="no means over 5"):
        noisy_and_averaged([0, 1, 2, 3], losses, 5)


def test_a_table_has_a_row_for_every_token_and_escapes_them():
    drawn = next_token_table(np.eye(2), ["<", "\n"])
    assert list(drawn.data[0].x) == ["&lt;", "⏎"]
    with pytest.raises(ValueError, match="does not belong to 3 tokens"):
        next_token_table(np.eye(2), ["a", "b", "c"])
