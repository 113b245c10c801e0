import pytest
import torch

from gpt import Bigram, GPTConfig
from gpt.lens.norms import layernorms, norm_inputs, without_norms

NORMED = [
    {}, {"norm": "post"}, {"bias": False}, {"mlp": False}, {"norm": "post", "residual": False}, {"parallel": True},
    {"norm": "post", "parallel": True}, {"norm_eps": 0.1},
]  # fmt: skip
ROOTS = [{}, {"norm_place": "post"}, {"parallel": True}, {"norm_place": "post", "parallel": True}, {"norm_eps": 0.1}]


@pytest.mark.parametrize("changes", NORMED)
def test_a_layernorm_is_what_its_formula_says(make_model, ids, changes):
    model = make_model(**changes)
    readings = layernorms(model, ids(1)[0])
    assert [reading.name for reading in readings][:1] == ["blocks.0.ln1"]
    for reading in readings:
        torch.testing.assert_close(reading.mean, reading.before.mean(-1), atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(
            reading.scale, (reading.before.var(-1, unbiased=False) + model.config.norm_eps).sqrt()
        )
        by_hand = (reading.before - reading.mean[:, None]) / reading.scale[:, None] * reading.gamma + reading.beta
        torch.testing.assert_close(reading.after, by_hand, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("changes", ROOTS)
def test_an_rms_norm_takes_no_mean_out_and_adds_nothing(make_model, ids, changes):
    model = make_model(norm="rms", **changes)
    readings = layernorms(model, ids(1)[0])
    assert [reading.name for reading in readings] == list(norm_inputs(model))
    for reading in readings:
        assert reading.mean is None and reading.beta is None
        squares = reading.before.pow(2).mean(-1) + model.config.norm_eps
        torch.testing.assert_close(reading.scale, squares.sqrt())
        by_hand = reading.before / reading.scale[:, None] * reading.gamma
        torch.testing.assert_close(reading.after, by_hand, atol=1e-4, rtol=1e-4)


def test_the_norms_of_a_parallel_block_read_the_same_stream(make_model):
    inputs = norm_inputs(make_model(norm="rms", parallel=True))
    assert inputs["blocks.1.ln1"] == inputs["blocks.1.ln2"] == ("blocks.1.hook_resid_pre",)


def test_the_layernorms_of_each_kind_of_model(make_model):
    assert list(norm_inputs(make_model()))[-2:] == ["blocks.1.ln2", "ln_final"]
    assert list(norm_inputs(make_model(norm="post", mlp=False))) == ["blocks.0.ln1", "blocks.1.ln1"]
    assert norm_inputs(make_model(norm="none")) == {}


def test_a_batchnorm_takes_no_statistics_of_a_prompt(make_model, ids):
    model = make_model(norm="batch")
    assert layernorms(model, ids(1)[0]) == [] and list(norm_inputs(model))[-1] == "ln_final"


def test_without_its_norms_a_model_is_the_one_that_never_had_any(make_model, ids):
    """The same weights in a model built with norm="none" give the same logits."""
    for switches in (
        {"norm": "pre"}, {"norm": "post"}, {"norm": "batch"}, {"norm": "rms"}, {"norm": "rms", "norm_place": "post"},
        {"norm": "rms", "parallel": True}, {"norm": "post", "parallel": True},
    ):  # fmt: skip
        model, bare, prompt = make_model(**switches), make_model(**switches | {"norm": "none"}), ids(1)
        bare.load_state_dict({name: value for name, value in model.state_dict().items() if "ln" not in name})
        logits = model.run_with_hooks(prompt, without_norms(model, list(norm_inputs(model))))
        torch.testing.assert_close(logits, bare(prompt), atol=1e-4, rtol=1e-4)


def test_taking_one_norm_out_passes_on_what_enters_it(make_model, ids):
    model, prompt = make_model(), ids(1)[0]
    with model.hooks(without_norms(model, ["blocks.1.ln2"])):
        readings = {reading.name: reading for reading in layernorms(model, prompt)}
    assert torch.equal(readings["blocks.1.ln2"].after, readings["blocks.1.ln2"].before)
    assert not torch.equal(readings["blocks.1.ln1"].after, readings["blocks.1.ln1"].before)


def test_looking_leaves_the_model_as_it_was(make_model, ids):
    model, prompt = make_model(), ids(1)
    before = model(prompt)
    layernorms(model, prompt[0])
    assert torch.equal(model(prompt), before)


def test_what_cannot_be_looked_at_is_refused(make_model, ids):
    with pytest.raises(ValueError, match="no residual stream"):
        layernorms(Bigram(GPTConfig(vocab_size=11, n_layer=0)), ids(1)[0])
    for wrong in (ids(2), torch.tensor([], dtype=torch.long)):
        with pytest.raises(ValueError, match="at least one token"):
            layernorms(make_model(), wrong)
    with pytest.raises(ValueError, match="no norm called 'ln9'"):
        without_norms(make_model(), ["ln9"])
