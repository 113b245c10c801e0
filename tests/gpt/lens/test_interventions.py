from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gpt import Bigram, GPTConfig, generate, load_run, loss_of
from gpt.lens import heads
from gpt.lens import interventions as iv

MODELS = Path(__file__).resolve().parents[3] / "assets" / "models"
HEAD = (1, 0)


def close(a, b, atol=1e-5):
    torch.testing.assert_close(a, b, atol=atol, rtol=0)


@pytest.mark.parametrize(
    "intervention",
    [
        {},
        iv.combine([]),
        iv.towards_uniform(*HEAD, 1.0),
        iv.scaled(1, "attn_out", 1.0),
        iv.scaled(0, "mlp_out", 1.0),
        iv.combine([iv.scaled(0, "mlp_out", 2.0), iv.scaled(0, "mlp_out", 0.5)]),
    ],
    ids=["nothing", "none combined", "alpha = 1", "scale = 1", "scale = 1 of the MLP", "twice and half"],
)
def test_the_identity_changes_nothing(make_model, ids, intervention):
    model, batch = make_model(), ids()
    close(model.run_with_hooks(batch, intervention), model(batch), atol=1e-6)


@pytest.mark.parametrize(
    "intervention",
    [
        iv.head_off(*HEAD),
        iv.head_off(*HEAD, "mean"),
        iv.mlp_off(1),
        iv.mlp_off(0, "mean"),
        iv.towards_uniform(*HEAD, 0.0),
        iv.to_previous_token(*HEAD),
        iv.scaled(1, "attn_out", 1.5),
    ],
    ids=["off", "mean", "MLP off", "MLP mean", "uniform", "previous", "scaled"],
)
def test_each_intervention_changes_the_logits_and_leaves_the_model_as_it_was(make_model, ids, intervention):
    model, batch = make_model(), ids()
    before = model(batch)
    assert (model.run_with_hooks(batch, intervention) - before).abs().max() > 1e-3
    assert torch.equal(model(batch), before)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 1), st.integers(0, 1), st.sampled_from(["zero", "mean"]))
def test_only_the_head_that_is_named_is_switched_off(make_model, ids, layer, head, off):
    model, batch = make_model(), ids()
    _, before = model.run_with_cache(batch)
    with model.hooks(iv.head_off(layer, head, off)):
        _, after = model.run_with_cache(batch)
    z, other = after["z", layer], 1 - head
    wanted = torch.zeros_like(z) if off == "zero" else before["z", layer].mean(1, keepdim=True).expand_as(z)
    close(z[:, :, head], wanted[:, :, head])
    close(z[:, :, other], before["z", layer][:, :, other])


def test_a_pattern_moves_from_learned_to_uniform(make_model, ids):
    model, batch = make_model(), ids(2, 7)
    learned = model.run_with_cache(batch)[1]["pattern", 1]
    for alpha in (0.0, 0.25, 1.0):
        with model.hooks(iv.towards_uniform(*HEAD, alpha)):
            pattern = model.run_with_cache(batch)[1]["pattern", 1]
        close(pattern[:, 0], alpha * learned[:, 0] + (1 - alpha) * heads.uniform(7))
        close(pattern[:, 1], learned[:, 1])
        close(pattern.sum(-1), torch.ones(2, 2, 7))


def test_the_previous_token_ideal_is_the_ideal_of_the_head_scores(make_model, ids):
    model, batch = make_model(), ids(2, 7)
    with model.hooks(iv.to_previous_token(*HEAD)):
        pattern = model.run_with_cache(batch)[1]["pattern", 1]
    score = heads.scores(pattern, batch)["previous token"][0].item()
    assert score == pytest.approx(1 - sum(1 / (i + 1) for i in range(1, 7)) / 6)


def test_without_a_mask_uniform_is_over_all(make_model, ids):
    model, batch = make_model(causal=False), ids(2, 7)
    with model.hooks(iv.towards_uniform(*HEAD, 0.0, causal=False)):
        pattern = model.run_with_cache(batch)[1]["pattern", 1]
    close(pattern[:, 0], torch.full((2, 7, 7), 1 / 7))


def test_in_a_window_uniform_is_over_the_window(make_model, ids):
    model, batch = make_model(window=3, n_kv_head=1, positions="rotary"), ids(2, 7)
    with model.hooks(iv.towards_uniform(*HEAD, 0.0, window=3)):
        pattern = model.run_with_cache(batch)[1]["pattern", 1]
    close(pattern[:, 0], heads.uniform(7, window=3).expand(2, 7, 7))
    assert pattern[0, 0, 6].tolist() == pytest.approx([0, 0, 0, 0, 1 / 3, 1 / 3, 1 / 3])


MODERN = {"n_kv_head": 1, "d_head": 6, "norm": "rms", "positions": "rotary", "gated": True}


def test_heads_that_share_a_key_are_switched_off_one_by_one(make_model, ids):
    """In the last layer, without an MLP after it, the effects of two heads add up in the stream."""
    model, batch = make_model(**MODERN, mlp=False), ids()
    stream = "blocks.1.hook_resid_post"

    def read(intervention):
        with model.hooks(intervention):
            return model.run_with_cache(batch, stream)[1][stream]

    lost = [read({}) - read(iv.head_off(1, head)) for head in range(2)]
    both = read({}) - read(iv.combine([iv.head_off(1, 0), iv.head_off(1, 1)]))
    close(lost[0] + lost[1], both)
    assert all(part.abs().max() > 1e-2 for part in lost)


@pytest.mark.parametrize("alpha", [-0.1, 1.1, float("nan")])
def test_another_alpha_is_refused(alpha):
    with pytest.raises(ValueError, match="alpha"):
        iv.towards_uniform(*HEAD, alpha)


def test_switching_off_all_heads_is_scaling_attention_away(make_model, ids):
    model, batch = make_model(bias=False), ids()
    both = iv.combine(iv.head_off(1, head) for head in range(2))
    close(model.run_with_hooks(batch, both), model.run_with_hooks(batch, iv.scaled(1, "attn_out", 0.0)))


def test_what_is_combined_acts_in_order(make_model, ids):
    model, batch = make_model(), ids()
    off_then_uniform = iv.combine([iv.to_previous_token(*HEAD), iv.towards_uniform(*HEAD, 0.0)])
    close(model.run_with_hooks(batch, off_then_uniform), model.run_with_hooks(batch, iv.towards_uniform(*HEAD, 0.0)))


def test_nothing_else_is_in_the_way_of_generating(make_model):
    model, prompt = make_model(), torch.tensor([1, 2, 3])
    with model.hooks(iv.towards_uniform(*HEAD, 0.5)):
        uncached = [step.token for step in generate(model, prompt, 6, use_cache=False)]
        cached = [step.token for step in generate(model, prompt, 6)]
    assert uncached == cached


@pytest.mark.parametrize("change", [iv.head_off(*HEAD), iv.towards_uniform(*HEAD, 0.25), iv.to_previous_token(*HEAD)])
@pytest.mark.parametrize("positions", ["learned", "rotary"])
def test_keys_and_values_are_kept_under_hooks_that_mix_no_positions(make_model, change, positions):
    model, prompt = make_model(positions=positions), torch.tensor([1, 2, 3])
    with model.hooks(change):
        whole, cached = (list(generate(model, prompt, 5, cache_under_hooks=kept)) for kept in (False, True))
    assert [step.token for step in whole] == [step.token for step in cached]
    assert [step.probability for step in whole] == pytest.approx([step.probability for step in cached], abs=1e-5)


def test_a_patch_changes_the_positions_from_the_first_other_token_on(make_model):
    first, second = torch.tensor([[1, 2, 3, 4]]), torch.tensor([[1, 2, 5, 4]])
    assert iv.changed_positions(make_model(), first, second) == 2
    assert iv.changed_positions(make_model(), first, first) == 0
    assert iv.changed_positions(make_model(causal=False), first, second) == 4
    effects = iv.gathered(iv.stream_patching_effects(make_model(), first, second, 3), (2, 4))
    assert (effects[:, :2] == 0).all() and (effects[:, 2] != 0).all()


def test_patching_a_prompt_with_itself_changes_nothing(make_model, ids):
    model, prompt = make_model(), ids(1, 6)
    for effects in (iv.stream_patching_effects, iv.head_patching_effects):
        assert all(abs(effect.value) <= 1e-6 for effect in effects(model, prompt, prompt, 3))


def test_patching_the_whole_of_a_position_carries_the_answer_over(make_model, ids):
    """All positions before the last layer's last token differ only where they are patched, so this one cell decides."""
    model, prompt, other = make_model(), ids(1, 6, seed=1), ids(1, 6, seed=2)
    other[:, :-1] = prompt[:, :-1]
    difference = (model(other)[0, -1].log_softmax(-1) - model(prompt)[0, -1].log_softmax(-1))[3].item()
    found = iv.gathered(iv.stream_patching_effects(model, prompt, other, 3), (2, 6))
    close(found[:, -1], torch.full((2,), difference))
    close(found[:, :-1], torch.zeros(2, 5), atol=1e-6)


def test_patching_reports_every_cell_in_turn(make_model, ids):
    model, prompt, other = make_model(), ids(1, 6, seed=1), ids(1, 6, seed=2)
    assert [effect[:2] for effect in iv.head_patching_effects(model, prompt, other, 3)] == [
        (0, 0),
        (0, 1),
        (1, 0),
        (1, 1),
    ]
    found = iv.gathered(iv.head_patching_effects(model, prompt, other, 3), (2, 2))
    assert found.isfinite().all() and (found.abs() > 1e-4).any()


def test_prompts_of_different_length_are_refused(make_model, ids):
    with pytest.raises(ValueError, match="equal length"):
        next(iv.stream_patching_effects(make_model(), ids(1, 6), ids(1, 5), 3))


def test_loss_under_nothing_is_the_loss(make_model, ids):
    model, batch = make_model(), ids(3, 8)
    assert iv.loss_under(model, batch, {}) == pytest.approx(loss_of(model(batch[:, :-1]), batch[:, 1:]).item())
    with pytest.raises(ValueError, match="two tokens"):
        iv.loss_under(model, ids(3, 1), {})


def test_the_ablation_map_holds_each_heads_own_loss(make_model, ids):
    model, batch = make_model(), ids(3, 8)
    found = iv.ablation_map(model, batch, "mean")
    alone = iv.loss_under(model, batch, iv.head_off(*HEAD, "mean")) - iv.loss_under(model, batch, {})
    assert found.shape == (2, 2) and found[HEAD].item() == pytest.approx(alone)


def test_a_head_that_writes_nothing_costs_nothing(make_model, ids):
    model = make_model()
    model.blocks[1].attn.proj.weight[:, :4] = 0  # what head 0 of layer 1 writes through
    found = iv.ablation_map(model, ids(3, 8))
    assert found[1, 0] == 0 and (found[0].abs() > 1e-4).all()


def test_a_bigram_has_nothing_to_switch_off():
    table = Bigram(GPTConfig(vocab_size=5, n_layer=0, n_head=2)).eval()
    ids = torch.tensor([[0, 1, 2]])
    assert iv.ablation_map(table, ids).shape == (0, 2)
    assert list(iv.head_patching_effects(table, ids, ids, 1)) == []


def test_switching_off_the_induction_heads_destroys_the_copy_and_other_heads_do_not():
    run = load_run(MODELS / "induction")
    model = run.model()
    ids = heads.probe_set(run.tokenizer, model.config.block_size)

    def accuracy(*off: tuple[int, int]) -> float:
        """Share of right guesses in the second copy."""
        with torch.inference_mode():
            logits = model.run_with_hooks(ids, iv.combine(iv.head_off(*head) for head in off))
        guessed, right = logits[:, heads.PERIOD : -1].argmax(-1), ids[:, heads.PERIOD + 1 :]
        return (guessed == right).float().mean().item()

    scores = heads.head_scores(model, ids)
    induction, previous = (
        {tuple(head) for head in (scores[kind] >= heads.THRESHOLD).nonzero().tolist()}
        for kind in ("induction", "previous token")
    )
    others = {(layer, head) for layer in range(2) for head in range(4)} - induction - previous
    assert accuracy() > 0.95
    assert accuracy(*induction) < 0.3
    assert accuracy(*previous) < 0.3  # the second layer looks for what the first has written
    assert accuracy(*others) > 0.9
    assert all(accuracy(head) > 0.95 for head in others)
