"""SmolLM2 beside the character model that ships, on the same text."""

import pytest

from explorer.compare.losses import shared_validation_text
from explorer.compare.reading import read_text, word_patterns
from explorer.compare.words import read_words
from explorer.opened import DEFAULT, open_model
from explorer.shared import texts
from gpt.checkpoints.smollm2 import find_smollm2
from gpt.lens.surprise import shared_bytes, text_loss
from tests.explorer.compare.test_surprises import cells
from tests.explorer.compare.test_words import heatmaps, pick

PROMPT = "A horse, a horse, my kingdom for a horse"
WORDS = ["A", "horse", ",", "a", "horse", ",", "my", "kingdom", "for", "a", "horse"]
pytestmark = pytest.mark.skipif(find_smollm2() is None, reason="make smollm2 installs it")


def test_a_real_model_and_a_character_model_share_bytes_and_words(compare):
    app = compare(model="smollm2", right=DEFAULT, prompt=PROMPT, tokens="4")
    left, right, _ = cells(app)
    assert "token ·horse: p < 0.01%, rank" in left["notes"][3] and "token h: p = " in right["notes"][2]
    assert [spec["layout"]["xaxis"]["ticktext"] for spec in heatmaps(app)] == [WORDS, WORDS]
    assert pick(app, "left").value == "L16H0", "its previous-token head"
    assert app.toggle(key="widget:hide-first-token").value, "it has an attention sink"
    assert any("half a minute" in caption.value for caption in app.caption), "long work waits until it is asked for"
    assert any(button.label == "Measure losses" for button in app.button)


def test_both_are_measured_on_the_same_bytes():
    pair = open_model("smollm2"), open_model(DEFAULT)
    both = [read_text(opened, PROMPT) for opened in pair]
    assert len(both[0].tokens) == 11 and len(both[1].tokens) == len(PROMPT)
    counted = shared_bytes(PROMPT, [read.surprises for read in both])
    losses = [text_loss(PROMPT, read.surprises, counted) for read in both]
    assert [loss.n_bytes for loss in losses] == [len(PROMPT) - 1] * 2
    assert losses[0].nats_per_token > losses[1].nats_per_token, "a token of many characters is harder to predict"


def test_its_validation_text_is_that_of_the_other():
    pair = open_model("smollm2"), open_model(DEFAULT)
    assert not texts.has_corpus(pair[0])
    assert shared_validation_text(pair) == ("tinyshakespeare", texts.parts(pair[1])[1])
    assert shared_validation_text(pair) == shared_validation_text(pair[::-1])


def test_words_sum_to_one_in_all_heads():
    pair = open_model("smollm2"), open_model(DEFAULT)
    read = read_words(pair, PROMPT)
    patterns = word_patterns(pair[0], read.ids[0], read.indices[0])
    assert patterns.whole.shape == (30, 9, 11, 11)
    assert (patterns.whole.sum(-1) - 1).abs().max() < 1e-5
    assert (patterns.others[..., 1:, :].sum(-1) - 1).abs().max() < 1e-5
