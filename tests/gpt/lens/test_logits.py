import math

import pytest
import torch

from gpt import Bigram, GPTConfig
from gpt.lens.logits import logit_lens

KINDS = [
    {},
    {"norm": "none"},
    {"norm": "post"},
    {"mlp": False},
    {"bias": False, "tie_weights": True},
    {"residual": False},
    {"norm": "rms", "softcap": 0.5},
    {"norm": "rms", "norm_place": "post"},
    {"parallel": True, "positions": "rotary", "gated": True},
]


@pytest.mark.parametrize("changes", KINDS)
def test_the_last_point_is_the_models_own_answer(make_model, ids, changes):
    model, prompt = make_model(**changes), ids(1)[0]
    lens = logit_lens(model, prompt)
    own = model(prompt[None])[0].softmax(-1)
    torch.testing.assert_close(torch.zeros(7, 11).scatter(1, lens.top_ids[-1], lens.top_probabilities[-1]), own)
    torch.testing.assert_close(lens.divergence[-1], torch.zeros(7))


def test_some_points_are_read_as_in_the_whole_lens(make_model, ids):
    model, prompt = make_model(), ids(1)[0]
    whole, some = logit_lens(model, prompt), logit_lens(model, prompt, points=["0 mid", "1 mid"])
    assert some.points == ("0 mid", "1 mid")
    for name in ("top_ids", "top_probabilities", "entropy", "divergence", "rank"):
        torch.testing.assert_close(getattr(some, name), getattr(whole, name)[[1, 3]])
    with pytest.raises(ValueError, match="no point '7 post'; its points are embedding, 0 mid"):
        logit_lens(model, prompt, points=["7 post"])


def test_progress_counts_the_points_and_may_cancel(make_model, ids):
    model, calls = make_model(), []
    lens = logit_lens(model, ids(1)[0], progress=lambda *call: calls.append(call))
    assert calls == [(done, 5) for done in range(1, 6)] and len(lens.points) == 5

    def cancel(done: int, total: int) -> None:
        raise InterruptedError(f"{done} of {total}")

    with pytest.raises(InterruptedError, match="1 of 5"):
        logit_lens(model, ids(1)[0], progress=cancel)


def test_every_row_is_the_unembedding_of_its_point(make_model, ids):
    model, prompt = make_model(), ids(1)[0]
    lens = logit_lens(model, prompt)
    _, cache = model.run_with_cache(prompt[None], "blocks.*.hook_resid_*")
    here = model.unembed(model.ln_final(cache["resid_mid", 1]))[0].softmax(-1)
    final = model(prompt[None])[0].softmax(-1)
    row = lens.points.index("1 mid")
    assert torch.equal(lens.top_ids[row, :, 0], here.argmax(-1))
    torch.testing.assert_close(lens.entropy[row], torch.distributions.Categorical(here).entropy())
    torch.testing.assert_close(lens.divergence[row], (final * (final / here).log()).sum(-1))
    order = here.argsort(descending=True).tolist()
    assert lens.rank[row].tolist() == [order[t].index(prompt[t + 1]) + 1 for t in range(6)]


def test_a_stream_of_zeros_knows_nothing(make_model, ids):
    model = make_model(norm="none")
    with model.hooks({"blocks.0.hook_resid_pre": lambda value, name: torch.zeros_like(value)}):
        lens = logit_lens(model, ids(1)[0])
    torch.testing.assert_close(lens.entropy[0], torch.full((7,), math.log(11)))
    assert lens.rank[0].eq(1).all()  # all equal: none is better


def test_one_token_has_no_next_and_few_tops_are_sorted(make_model, ids):
    lens = logit_lens(make_model(), ids(1, 1)[0], n_top=3)
    assert lens.rank.shape == (5, 0) and lens.top_ids.shape == (5, 1, 3)
    assert (lens.top_probabilities.diff(dim=-1) <= 0).all()


def test_what_cannot_be_read_is_refused(make_model, ids):
    with pytest.raises(ValueError, match="no residual stream"):
        logit_lens(Bigram(GPTConfig(vocab_size=11, n_layer=0)), ids(1)[0])
    with pytest.raises(ValueError, match="n_top=0"):
        logit_lens(make_model(), ids(1)[0], n_top=0)
    with pytest.raises(ValueError, match="at least one token"):
        logit_lens(make_model(), ids(2))
