import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gpt import GPT, Bigram, GPTConfig
from gpt.lens.attribution import attribute_logit, check_is_sum
from tests.gpt.configs import configs

SUMS = configs(residual=True, norm_place="pre").filter(lambda config: config.norm != "post")


@settings(max_examples=60, deadline=None)
@given(SUMS, st.integers(-7, 6), st.integers(0, 10), st.none() | st.integers(0, 10))
def test_the_parts_sum_to_the_logit(config, position, token, against):
    torch.manual_seed(0)
    model = GPT(config).eval()
    for parameter in model.parameters():
        parameter.data += torch.randn_like(parameter) * 0.3
    if config.norm == "batch":  # statistics to run by
        model.train()(torch.randint(11, (4, 9)))
        model.eval()
    ids = torch.randint(11, (7,))
    found = attribute_logit(model, ids, token, against, position)
    free = GPT(replace(config, softcap=None)).eval()
    free.load_state_dict(model.state_dict())
    logits = free(ids[None])[0, position].detach()
    expected = logits[token] - (0 if against is None else logits[against])
    assert found.logit == pytest.approx(float(expected), abs=1e-4)
    assert found.total == pytest.approx(float(expected), abs=1e-3)
    assert found.heads.shape == (config.n_layer, config.n_head)
    assert config.has_pos_embed or found.positions == 0
    assert (found.ngrams is None) == (config.ngrams == 1)


def test_a_capped_logit_is_split_before_the_cap(make_model, ids):
    model, prompt = make_model(softcap=0.5), ids(1)
    found = attribute_logit(model, prompt[0], 3)
    assert 0.5 * math.tanh(found.total / 0.5) == pytest.approx(float(model(prompt)[0, -1, 3]), abs=1e-5)
    assert abs(found.total) > 0.5


def test_a_heads_share_is_what_the_logit_loses_when_the_scale_stands_still(make_model, ids):
    """Without a norm there is no scale to freeze.

    In the last layer, without MLP, a head's share is its ablation's effect.
    """
    model, prompt = make_model(norm="none", mlp=False), ids(1)

    def off(z, name):
        z = z.clone()
        z[:, :, 1] = 0
        return z

    lost = model(prompt)[0, -1, 4] - model.run_with_hooks(prompt, {"blocks.1.attn.hook_z": off})[0, -1, 4]
    assert float(attribute_logit(model, prompt[0], 4).heads[1, 1]) == pytest.approx(float(lost), abs=1e-4)


def test_a_part_that_writes_one_direction_gets_all_of_it(make_model, ids):
    """Everything but one MLP silenced: only its bias is left, and the share is its dot product with the unembedding."""
    model = make_model(norm="none")
    state = {name: torch.zeros_like(value) for name, value in model.state_dict().items()}
    state["blocks.1.mlp.down.bias"] = torch.arange(8.0)
    state["unembed.weight"] = torch.eye(11, 8)
    model.load_state_dict(state)
    found = attribute_logit(model, ids(1)[0], 5, against=2)
    assert dict(found.parts)["MLP bias 1"] == found.logit == found.total == 3.0


def test_n_grams_that_write_one_direction_get_all_of_it(make_model, ids):
    model = make_model(norm="none", ngrams=3, ngram_rows=1)
    state = {name: torch.zeros_like(value) for name, value in model.state_dict().items()}
    model.load_state_dict(state | {"ngrams.table": torch.arange(8.0)[None], "unembed.weight": torch.eye(11, 8)})
    for position, count in enumerate((0, 1, 2, 2)):  # n-grams that end there
        found = attribute_logit(model, ids(1)[0], 5, against=2, position=position)
        assert dict(found.parts)["n-grams"] == found.logit == found.total == count * 3.0


def test_the_difference_is_the_difference_of_the_parts(make_model, ids):
    model, prompt = make_model(), ids(1)[0]
    one, other, both = (attribute_logit(model, prompt, *tokens) for tokens in ((3,), (7,), (3, 7)))
    torch.testing.assert_close(both.heads, one.heads - other.heads)
    assert both.final_bias == pytest.approx(one.final_bias - other.final_bias)
    assert [part.name for part in both.parts][:4] == ["embedding", "positions", "L0H0", "L0H1"]
    assert len(both.parts) == 2 + 2 * (2 + 3) + 1


def test_no_model_gets_shares_that_do_not_sum(make_model, ids):
    bigram = Bigram(GPTConfig(vocab_size=11, n_layer=0))
    for model, why in (
        (make_model(norm="post"), "post-norm"),
        (make_model(norm="rms", norm_place="post"), "post-norm"),
        (make_model(residual=False), "residual"),
        (bigram, "bigram"),
    ):
        with pytest.raises(ValueError, match=why):
            attribute_logit(model, ids(1)[0], 0)
        with pytest.raises(ValueError, match=why):
            check_is_sum(model)


@pytest.mark.parametrize(
    ("token", "against", "position"), [(11, None, -1), (-1, None, 0), (0, 11, 0), (0, 1, 7), (0, 1, -8)]
)
def test_a_token_or_position_that_is_not_there_is_refused(make_model, ids, token, against, position):
    with pytest.raises(ValueError, match=r"token|position"):
        attribute_logit(make_model(), ids(1)[0], token, against, position)
