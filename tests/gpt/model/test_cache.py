import numpy as np
import pytest
import torch

from gpt import ActivationCache

B, T = 2, 7


@pytest.fixture(scope="module")
def cache(make_model, ids):
    return make_model().run_with_cache(ids(B, T))[1]


def test_the_cache_is_read_only_and_speaks_short_names(cache):
    with pytest.raises(TypeError):
        cache["hook_embed"] = torch.zeros(1)
    with pytest.raises(TypeError):
        del cache["hook_embed"]
    assert cache["q", 1] is cache["blocks.1.attn.hook_q"]
    assert cache["pre", 0] is cache["blocks.0.mlp.hook_pre"]
    assert ("pattern", 5) not in cache and "hook_embed" in cache
    assert "blocks.0.attn.hook_pattern (2, 2, 7, 7)" in repr(cache)
    with pytest.raises(KeyError, match="hook_nothing was not kept; kept were hook_embed, "):
        cache["hook_nothing"]
    with pytest.raises(KeyError, match=r"layer 0 may be blocks.0.ln1.hook_scale or blocks.0.ln2.hook_scale"):
        cache["scale", 0]


def test_a_cache_does_not_follow_the_dict_it_was_made_of():
    activations = {"hook_embed": torch.zeros(1)}
    cache = ActivationCache(activations)
    activations.clear()
    assert list(cache) == ["hook_embed"]


def test_numpy_has_every_activation_detached(make_model, ids):
    model = make_model().requires_grad_(True)
    _, cache = model.run_with_cache(ids(B, T))
    arrays = cache.numpy()
    assert {name: array.shape for name, array in arrays.items()} == cache.shapes
    assert all(array.dtype == np.float32 for array in arrays.values())
    np.testing.assert_array_equal(arrays["hook_embed"], cache["hook_embed"].detach().numpy())
