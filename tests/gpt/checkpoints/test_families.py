"""Every family computes what `transformers` computes: logits, attentions, residual streams and greedy text."""

import pytest
import torch

from gpt import generate, load_pretrained

LINEAR = {"rope_type": "linear", "rope_theta": 10_000.0, "factor": 4.0}
LLAMA3 = {
    "rope_type": "llama3", "rope_theta": 500.0, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
    "original_max_position_embeddings": 32,
}  # fmt: skip
VARIANTS = [
    ("gpt2", {}),
    ("gpt2", {"activation_function": "gelu", "layer_norm_epsilon": 1e-6, "tie_word_embeddings": False}),
    ("gpt_neox", {}),
    ("gpt_neox", {"use_parallel_residual": False, "layer_norm_eps": 1e-6}),
    ("gpt_neox", {"rope_parameters": LINEAR | {"partial_rotary_factor": 0.5}, "tie_word_embeddings": True}),
    ("gpt_neox", {"rotary_pct": 1.0, "rotary_emb_base": 500, "hidden_act": "gelu_new"}),
    ("llama", {}),
    ("llama", {"num_key_value_heads": 1, "head_dim": 10, "tie_word_embeddings": True}),
    ("llama", {"rope_parameters": LINEAR, "attention_bias": True, "mlp_bias": True}),
    ("llama", {"rope_parameters": LLAMA3, "rms_norm_eps": 1e-5, "hidden_act": "gelu_pytorch_tanh"}),
    ("qwen2", {}),
    ("qwen2", {"use_sliding_window": True, "sliding_window": 5, "max_window_layers": 0}),
    ("qwen3", {}),
    ("qwen3", {"head_dim": 10, "num_key_value_heads": 1, "tie_word_embeddings": True}),
    ("mistral", {"sliding_window": 7}),
    (
        "mistral",
        {"sliding_window": None, "head_dim": 10, "rope_parameters": {"rope_type": "default", "rope_theta": 1e6}},
    ),
]


@pytest.mark.parametrize(("family", "changes"), VARIANTS, ids=str)
def test_a_family_computes_what_transformers_computes(tiny, tmp_path, family, changes):
    reference = tiny(family, **changes)
    reference.save_pretrained(tmp_path)
    model = load_pretrained(tmp_path).model
    idx = torch.randint(61, (2, 40), generator=torch.Generator().manual_seed(1))
    expected = reference(idx, output_attentions=True, output_hidden_states=True)
    logits, cache = model.run_with_cache(idx)
    assert expected.logits.std() > 0.5 and len(expected.attentions) == 2
    torch.testing.assert_close(logits, expected.logits, atol=1e-4, rtol=0)
    torch.testing.assert_close(model(idx), expected.logits, atol=1e-4, rtol=0)
    for layer in range(2):
        torch.testing.assert_close(cache["pattern", layer], expected.attentions[layer], atol=1e-5, rtol=0)
        torch.testing.assert_close(cache["resid_pre", layer], expected.hidden_states[layer], atol=1e-4, rtol=0)
    torch.testing.assert_close(cache["resid_post", 0], expected.hidden_states[1], atol=1e-4, rtol=0)
    torch.testing.assert_close(cache["ln_final.hook_normalized"], expected.hidden_states[2], atol=1e-4, rtol=0)
    assert (model.unembed.weight is model.embed.weight) == model.config.tie_weights


@pytest.mark.parametrize(("family", "changes"), VARIANTS, ids=str)
def test_greedy_text_is_the_same(tiny, tmp_path, family, changes):
    reference = tiny(family, **changes)
    reference.save_pretrained(tmp_path)
    idx = torch.tensor([[3, 1, 4, 1, 5, 9, 2, 6]])
    expected = reference.generate(idx, max_new_tokens=50, min_new_tokens=50, do_sample=False)[0, 8:]
    steps = generate(load_pretrained(tmp_path).model, idx, 50, temperature=0)
    assert len(set(expected.tolist())) > 2
    assert [step.token for step in steps] == expected.tolist()
