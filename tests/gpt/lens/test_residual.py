import pytest
import torch

from gpt import Bigram, GPTConfig
from gpt.lens.residual import principal_plane, residual_path, stream_points


def test_norms_cosines_and_writes_are_those_of_the_activations(make_model, ids):
    model, prompt = make_model(), ids(1)[0]
    path = residual_path(model, prompt)
    _, cache = model.run_with_cache(prompt[None])
    assert path.points == ("embedding", "0 mid", "0 post", "1 mid", "1 post")
    assert path.writers == ("attention 0", "MLP 0", "attention 1", "MLP 1")
    pre, mid = cache["resid_pre", 1][0], cache["resid_mid", 1][0]
    torch.testing.assert_close(path.norms[2], (pre**2).sum(-1).sqrt())
    torch.testing.assert_close(path.cosines[2], (pre * mid).sum(-1) / (pre.norm(dim=-1) * mid.norm(dim=-1)))
    torch.testing.assert_close(path.writes[3], cache["mlp_out", 1][0].norm(dim=-1))


@pytest.mark.parametrize("changes", [{}, {"norm": "none"}, {"mlp": False}, {"norm": "rms", "parallel": True}])
def test_norm_cosine_and_write_obey_the_law_of_cosines(make_model, ids, changes):
    """|write|² = |after|² + |before|² − 2 |after| |before| cos, for resid_mid = resid_pre + attn_out, and so on."""
    path = residual_path(make_model(**changes), ids(1)[0])
    before, after = path.norms[:-1], path.norms[1:]
    torch.testing.assert_close(
        path.writes**2, before**2 + after**2 - 2 * before * after * path.cosines, atol=1e-3, rtol=1e-3
    )


def test_a_writer_that_writes_nothing_leaves_the_stream_where_it_is(make_model, ids):
    model = make_model()
    with model.hooks({"blocks.1.hook_attn_out": lambda value, name: torch.zeros_like(value)}):
        path = residual_path(model, ids(1)[0])
    assert path.writes[2].eq(0).all()
    torch.testing.assert_close(path.cosines[2], torch.ones(7))
    torch.testing.assert_close(path.plane[2], path.plane[3])


def test_points_without_mlp_have_no_middle(make_model):
    assert list(stream_points(make_model(mlp=False))) == ["embedding", "0 post", "1 post"]


def test_the_plane_of_points_in_a_plane_keeps_their_distances():
    torch.manual_seed(0)
    flat = torch.randn(4, 5, 2)
    vectors = flat @ torch.linalg.qr(torch.randn(9, 9))[0][:2] + 3
    plane, shares = principal_plane(vectors)
    torch.testing.assert_close(
        torch.cdist(plane.view(-1, 2), plane.view(-1, 2)),
        torch.cdist(flat.view(-1, 2), flat.view(-1, 2)),
        atol=1e-4,
        rtol=1e-4,
    )
    torch.testing.assert_close(shares.sum(), torch.tensor(1.0))


@pytest.mark.parametrize("vectors", [torch.ones(3, 1, 4), torch.ones(1, 1, 1), torch.arange(4.0).view(4, 1, 1)])
def test_the_plane_of_too_few_vectors_is_finite(vectors):
    plane, shares = principal_plane(vectors)
    assert plane.shape == (*vectors.shape[:-1], 2) and plane.isfinite().all() and shares.isfinite().all()


def test_the_plane_of_an_exploded_stream_is_nan():
    plane, shares = principal_plane(torch.tensor([[1.0, 2.0], [torch.inf, 0.0]]))
    assert plane.isnan().all() and shares.isnan().all()


def test_looking_leaves_the_model_as_it_was(make_model, ids):
    model, prompt = make_model(), ids(1)
    before = model(prompt)
    residual_path(model, prompt[0])
    assert torch.equal(model(prompt), before)


def test_what_cannot_be_looked_at_is_refused(make_model, ids):
    with pytest.raises(ValueError, match="no residual stream"):
        residual_path(Bigram(GPTConfig(vocab_size=11, n_layer=0)), ids(1)[0])
    for wrong in (ids(2), torch.tensor([], dtype=torch.long)):
        with pytest.raises(ValueError, match="at least one token"):
            residual_path(make_model(), wrong)


def test_the_plane_can_leave_out_the_first_positions(make_model, ids):
    model, prompt = make_model(), ids(1)[0]
    whole, rest = residual_path(model, prompt), residual_path(model, prompt, plane_from=1)
    assert rest.plane.shape == whole.plane.shape and rest.plane[:, 0].isnan().all()
    assert rest.plane[:, 1:].isfinite().all() and torch.equal(rest.norms, whole.norms)
    with pytest.raises(ValueError, match="plane_from=7 must be 0 to 6"):
        residual_path(model, prompt, plane_from=7)
