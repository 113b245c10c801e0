"""The Attention page on models from elsewhere: how much it sends, and whether it hides the first token."""

import os

import numpy as np
import pytest
import torch

from explorer.components.attention_view.encoding import LEVELS, encode_weights, existing
from explorer.opened import open_model
from explorer.real_models import add_model
from explorer.shared.sink import sink_weight
from gpt import load_pretrained
from gpt.checkpoints.smollm2 import find_smollm2
from gpt.lens.heads import head_scores
from gpt.lens.sink import without_first_token
from tests.explorer.drawn import drawn
from tests.explorer.drawn import unpack as unpack_bytes
from tests.explorer.explore.test_attention import header, messages
from tests.gpt.checkpoints.gguf_files import write_tiny

DURSLEYS = (
    "Mr. and Mrs. Dursley, of number four, Privet Drive, were proud to say that they were perfectly normal, thank you "
    "very much. They were the last people you'd expect to be involved in anything strange or mysterious, because they "
    "just didn't hold with such nonsense. "
)


def open_tiny(open_app, tmp_path, context: int, **choices: str):
    """The page on a random Llama with this context. Its weights are small, so its heads read almost evenly."""
    file = write_tiny(tmp_path / f"tiny-{context}.gguf", context=context, num_key_value_heads=4)
    return open_app(model=add_model(str(file), load_pretrained(file)).ref, prompt="hear me speak", **choices)


def test_the_first_token_is_hidden_where_it_gets_much_weight(open_app, tmp_path):
    app = open_tiny(open_app, tmp_path, context=4)  # even heads have the mean weight (1/2 + 1/3 + 1/4) / 3 there
    assert not app.exception and app.toggle[0].value and header(app)["hides_first"]
    assert "attention sink" in messages(app) and "36%" in messages(app)
    app = app.toggle[0].set_value(False).run()
    assert not header(app)["hides_first"] and app.query_params["hide-first-token"] == "False"


def test_the_first_token_is_shown_in_a_model_from_elsewhere_without_a_sink(open_app, tmp_path):
    app = open_tiny(open_app, tmp_path, context=64)
    assert not app.exception and not app.toggle[0].value and not header(app)["hides_first"]


def test_the_page_opens_on_the_head_that_copies_most_on_the_prompt_or_on_that_of_the_link(open_app, tmp_path):
    file = write_tiny(tmp_path / "tiny.gguf", context=64, num_key_value_heads=4)
    ref = add_model(str(file), load_pretrained(file)).ref
    app = open_app(model=ref, prompt="hear me hear me")
    opened = open_model(ref)
    idx = torch.tensor([opened.tokenizer.encode("hear me hear me")])
    induction = head_scores(opened.model, idx)["induction"]
    layer, head = divmod(int(induction.argmax()), opened.config.n_head)
    assert header(app)["opening"] == [layer, head] and header(app)["look"]["head"] is None
    app = open_app(model=ref, prompt="hear me hear me", layer="0", head=str(1 - min(head, 1)))
    assert header(app)["look"]["head"] == [0, 1 - min(head, 1)]


@pytest.mark.skipif(
    find_smollm2() is None and not os.environ.get("CI"), reason="SmolLM2 is not installed: `make smollm2` installs it"
)
def test_smollm2_is_sent_as_small_patterns_and_one_full_head(open_app):
    app = open_app(model="smollm2", prompt=5 * DURSLEYS)
    assert not app.exception and app.toggle[0].value, "its mean weight on the first token is above 0.3"
    opened = open_model("smollm2")
    assert sink_weight(opened) == pytest.approx(0.48, abs=0.03)
    view, small, full = (element.proto.bytes for element in drawn(app)[:3])
    assert len(view) + len(small) + len(full) < 0.7e6
    sent, small = unpack_bytes(view)[0], unpack_bytes(small)[1]
    T = len(sent["tokens"])
    assert T > 250 and small.size == 31 * 10 * (-(-T // sent["bins"][0])) * (-(-T // sent["bins"][0]) + 1) // 2
    about, codes = unpack_bytes(full)
    assert about["stamp"] == sent["stamp"] and [about["layer"], about["head"]] == sent["opening"]
    ids = torch.tensor([opened.tokenizer.encode(5 * DURSLEYS)])
    _, cache = opened.model.run_with_cache(ids, f"blocks.{about['layer']}.attn.hook_pattern")
    expected = np.nan_to_num(without_first_token(cache["pattern", about["layer"]][0]).numpy())
    expected, arrived = expected[about["head"]], codes.view("<u2").astype(int)
    assert np.abs(arrived - encode_weights(existing(expected, causal=True)).astype(int)).max() <= LEVELS * 1e-3
