"""The lecture's modules compute what the real modules compute with the same weights."""

import math
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from torch.nn import functional as F

from explorer.lecture.head.panel import RECIPE as ONE_HEAD
from explorer.lecture.kit.training import untrained
from explorer.lecture.scaled.panel import recipes
from explorer.opened import open_model
from gpt import PRESETS, build_model, generate, lecture, loss_of
from gpt import translate as greedy
from gpt.lens import alignment, learning
from gpt.lens.heads import pattern_shift
from gpt.model.attention import Attention
from gpt.model.mlp import MLP
from gpt.model.norms import BatchNorm
from gpt.model.positions import sinusoids
from gpt.model.seq2seq import Seq2Seq
from gpt.text.dialogue import prompt_of
from gpt.train.estimate import count_parameters
from gpt.train.objectives import answers, dpo, finetune, ppo, reward
from tests.explorer.lecture.running import copy, copy_heads, run

pytestmark = pytest.mark.usefixtures("no_gradients_left")
LECTURES = replace(PRESETS["rung-6"].model, block_size=16)  # vocab_size 65, n_embd 32, 4 heads
TOKENS = torch.randint(65, (4, 9), generator=torch.Generator().manual_seed(3))


@pytest.fixture
def no_gradients_left():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


@pytest.fixture(scope="module")
def block():
    space = run("positions", "sinusoids", "positions", vocab_size=65, xb=TOKENS[:, :8])
    space = run("multihead", "heads", **run("head", "head", **space))
    return run("block", "feedforward", "block", "model", **run("norms", "layernorm", "running statistics", **space))


def lectures_gpt(block, real):
    """The lecture's model with the weights of a real one."""
    c = real.config
    ours = block["GPTLanguageModel"](c.vocab_size, c.n_embd, c.n_head, c.n_layer, c.block_size)
    copy(real.embed, ours.embedding.token_embedding_table)
    ours.embedding.position_embedding_table.load_state_dict({"weight": real.pos_embed.detach()})
    for layer, theirs in zip(ours.blocks, real.blocks, strict=True):
        copy_heads(theirs.attn, layer.sa.heads)
        copy(theirs.attn.proj, layer.sa.proj)
        for mine, other in ((layer.ln1, theirs.ln1), (layer.ln2, theirs.ln2)):
            copy(other, mine)
        copy(theirs.mlp.up, layer.ffwd.net[0])
        copy(theirs.mlp.down, layer.ffwd.net[2])
    copy(real.ln_final, ours.ln_f)
    copy(real.unembed, ours.lm_head)
    return ours


def test_the_model_of_one_head():
    real = untrained(ONE_HEAD)
    ours = run("multihead", "model", **run("head", "head"))["OneHeadModel"](65)
    copy(real.embed, ours.token_embedding_table)
    ours.position_embedding_table.load_state_dict({"weight": real.pos_embed})
    copy_heads(real.blocks[0].attn, [ours.sa_head])
    copy(real.unembed, ours.lm_head)
    assert torch.allclose(ours(TOKENS[:, :-1]), real(TOKENS[:, :-1]), atol=1e-5)


def test_the_last_model_its_loss_and_its_gradients(block):
    real = untrained(PRESETS["rung-6"]).requires_grad_(True)
    ours = lectures_gpt(block, real)
    logits = ours(TOKENS[:, :-1])
    assert torch.allclose(logits, real(TOKENS[:, :-1]), atol=1e-5)
    loss_of(logits, TOKENS[:, 1:]).backward()
    norms = learning.gradient_norms(real, TOKENS)
    assert block["gradient_norms"](ours.blocks) == pytest.approx(norms.tolist(), rel=1e-4)


def test_the_parts_of_a_block(block):
    assert torch.allclose(block["sinusoids"](32, 64), sinusoids(32, 64), atol=1e-5)
    x = torch.randn(6, 4)
    for name, over in (("layernorm", "features"), ("batchnorm", "batch")):
        assert torch.allclose(block[name](x), lecture.normalised(x, over), atol=1e-6)
    ours, real = block["BatchNorm1d"](4), BatchNorm(4, bias=True)
    for _ in range(3):
        x = torch.randn(5, 4)
        assert torch.allclose(ours(x), real(x[None])[0], atol=1e-5)
    ours.training = False
    assert torch.allclose(ours(x), real.eval()(x[None])[0], atol=1e-5)


def test_dropout_and_the_feedforward_layer():
    cells = run("scaling", "dropout")
    x = torch.ones(10_000)
    dropped = cells["dropout"](x, 0.2)
    assert dropped.unique().tolist() == [0, 1.25] and dropped.mean().item() == pytest.approx(1, abs=0.02)
    assert cells["dropout"](x, 0.2, training=False) is x
    real, ours = MLP(replace(LECTURES, dropout=0.2)), cells["FeedForward"](32)
    copy(real.up, ours.up), copy(real.down, ours.down)
    x = torch.randn(2, 3, 32)
    assert torch.allclose(ours.eval()(x), real.eval()(x), atol=1e-6)


def test_parameters_are_counted_as_on_the_page(block, capsys):
    run("scaling", "parameters", GPTLanguageModel=block["GPTLanguageModel"], vocab_size=65)
    printed = capsys.readouterr().out
    for rung in ("rung-6", "rung-7"):
        assert f"{rung.replace('-', ' ')}: {count_parameters(PRESETS[rung].model):,} parameters" in printed
    run("nanogpt", "sizes", GPTLanguageModel=block["GPTLanguageModel"])
    assert "GPT-2: 124 million" in capsys.readouterr().out


@pytest.mark.parametrize("fused", [False, True])
def test_all_heads_at_once(fused):
    real = Attention(LECTURES).eval()
    ours = run("nanogpt", "batched")["CausalSelfAttention"](32, 4)
    copy(real.proj, ours.proj)
    ours.qkv.load_state_dict({"weight": real.qkv.weight})
    x = torch.randn(2, 16, 32)
    assert torch.allclose(ours(x, fused), lecture.heads_in_a_loop(real, x), atol=1e-6)


def test_the_notes_on_attention():
    cells = run("notes", "communication")
    steps = list(lecture.message_steps(cells["wei"], cells["v"]))
    assert torch.allclose(steps[-1][1], cells["messages"]) and torch.allclose(steps[-1][2], cells["out"], atol=1e-6)
    model = open_model("shakespeare-char").model
    idx, order = TOKENS[0], torch.randperm(9)
    cells = run("notes", "set", "batch", vocab_size=65, get_batch=lambda split: (TOKENS, TOKENS))
    expected = lecture.permutation_difference(model, idx, order)
    assert torch.allclose(cells["change_by_order"](model, idx, order), expected)
    assert cells["change_by_order"](cells["without_positions_or_mask"], idx, order).max() < 1e-4
    expected = lecture.edit_effects(model, TOKENS, 1, 4, 7)
    assert torch.allclose(cells["change_by_edit"](model, TOKENS, 1, 4, 7), expected) and not expected[0].any()
    x = torch.randn(1, 8, 32)
    for causal in (True, False):
        real = Attention(replace(ONE_HEAD.model, causal=causal)).eval()
        head = run("mask", "decoder")["Head"](32, 32, decoder=causal)
        copy_heads(real, [head])
        assert torch.allclose(head(x), real(x), atol=1e-6)


def test_cross_attention_and_the_statistics_of_scores():
    cells = run("mask", "cross")
    matrices = (cells[name].weight.detach().T for name in ("query", "key", "value"))
    assert torch.allclose(cells["wei"], lecture.one_head(cells["x"], *matrices, memory=cells["y"]).weights, atol=1e-6)
    model = untrained(recipes(64)["without"])
    _, cache = model.run_with_cache(TOKENS[:, :-1], ["blocks.0.attn.hook_attn_scores"])
    [scores] = cache.values()
    variance, entropy = run("scaled", "gradients")["statistics"](scores.nan_to_num(neginf=0.0))
    expected = learning.attention_statistics(model, TOKENS)
    assert (variance.item(), entropy.item()) == pytest.approx((expected.variance, expected.entropy), rel=1e-4)


def test_the_encoder_decoder_and_its_translations():
    real = Seq2Seq(replace(LECTURES, vocab_size=11, n_layer=1)).eval().requires_grad_(False)
    cells = run("translate", "attention", "blocks", "model", "train", "translate", "alignment", "three kinds")
    ours = cells["EncoderDecoder"](11)
    copy(real.embed, ours.token_embedding_table)
    ours.position_embedding_table.load_state_dict({"weight": real.pos_embed})
    pairs = [
        (ours.ln_e, real.encoder_final_ln), (ours.ln_f, real.decoder_final_ln), (ours.lm_head, real.unembed),
        (ours.encoder.ln1, real.encoder[0].ln1), (ours.encoder.ln2, real.encoder[0].ln2),
        (ours.decoder.ln1, real.decoder[0].ln1), (ours.decoder.ln3, real.decoder[0].ln2),
        (ours.decoder.ln2, real.decoder[0].ln3),
    ]  # fmt: skip
    for part, theirs in ((ours.encoder, real.encoder[0]), (ours.decoder, real.decoder[0])):
        pairs += [(part.ffwd[0], theirs.mlp.up), (part.ffwd[2], theirs.mlp.down)]
    for mine, theirs in (
        (ours.encoder.sa, real.encoder[0].attn),
        (ours.decoder.sa, real.decoder[0].attn),
        (ours.decoder.cross, real.decoder[0].cross_attn),
    ):
        for name, weight in zip(("query", "key", "value"), theirs.qkv.weight.chunk(3), strict=True):
            getattr(mine, name).load_state_dict({"weight": weight, "bias": torch.zeros(32)})
        pairs.append((mine.proj, theirs.proj))
    for mine, theirs in pairs:
        copy(theirs, mine)
    source, target = torch.randint(10, (2, 6)), torch.randint(10, (2, 5))
    assert torch.allclose(ours.decode(target, ours.encode(source)), real(source, target), atol=1e-5)
    wei = ours.decoder.cross.wei[0]
    origins = [range(0, 2), range(0), range(3, 4)]
    measured = alignment.alignment(wei[None], origins)[0]
    assert torch.allclose(cells["alignment"](wei, origins), measured, atol=1e-6)
    written = greedy(real, source[:1], start=10, end=3)
    assert torch.equal(cells["translate"](ours, source[:1], 10, end=3), written)


@pytest.fixture(scope="module")
def chat(block):
    given = _two_answers(block)
    return run("rewards", "reward", "policy", "dpo", "shift", **run("chat", "answer", "finetune", **given))


def _two_answers(block):
    torch.manual_seed(2)
    pretrained = lectures_gpt(block, build_model(PRESETS["rung-6"].changed(vocab_size=65).model))
    policy = lectures_gpt(block, build_model(PRESETS["rung-6"].changed(vocab_size=65).model))
    is_answer = torch.zeros(2, 9, dtype=torch.bool)
    is_answer[:, 4:] = True
    is_answer[1, 7:] = False
    return {"pretrained": pretrained, "policy": policy, "tokens": TOKENS[:2, :8], "is_answer": is_answer[:, :8]}


def test_a_model_answers_until_a_blank_line(chat):
    opened = open_model("chat-finetune")
    tokenizer, question = opened.tokenizer, "Who art thou?"
    ids = torch.tensor(tokenizer.encode(prompt_of(question)))
    expected = ""
    for step in generate(opened.model, ids, answers.LONGEST, temperature=0):
        expected += tokenizer.decode([step.token])
        if expected.endswith("\n\n"):
            break
    answer = chat["answer"](opened.model, question, tokenizer.encode, tokenizer.decode, temperature=1e-4)
    assert answer == expected and answer.endswith(".\n\n")


def test_the_losses_of_the_stages(chat):
    policy, reference, tokens, is_answer = (chat[n] for n in ("policy", "pretrained", "tokens", "is_answer"))
    expected = finetune.Finetune.loss(None, policy, tokens, is_answer)
    assert chat["finetuning_loss"](policy, tokens, is_answer).item() == pytest.approx(expected.item(), rel=1e-5)
    numbers = torch.randn(8)
    assert torch.allclose(chat["pair_loss"](*numbers.view(2, 4)), reward.pair_loss(*numbers.view(2, 4)))
    assert torch.allclose(chat["advantages"](numbers, ppo.GROUP), ppo.advantages_of(numbers), atol=1e-6)
    now, drawn = torch.randn(2, 8, 5)
    mask = torch.rand(8, 5) > 0.3
    clipped = ppo.clipped_loss(now, drawn, numbers, mask)
    assert torch.allclose(chat["ppo_loss"](now, drawn, numbers, mask, ppo.CLIP), clipped)
    logits, other = policy(tokens[:, :-1]), reference(tokens[:, :-1])
    assert torch.allclose(chat["kl"](logits, other, is_answer), answers.divergence(logits, other, is_answer))
    stage = SimpleNamespace(reference=reference, recipe=SimpleNamespace(kl_weight=0.1))
    margins = dpo.DPO._margins(stage, policy, tokens[None], is_answer[None])
    one, two = ((tokens[i : i + 1], is_answer[i : i + 1]) for i in (0, 1))
    loss = chat["dpo_loss"](policy, reference, one, two, 0.1)
    assert loss.item() == pytest.approx(-F.logsigmoid(margins).mean().item(), rel=1e-5) != math.log(2)


def test_attention_that_moved(chat):
    before, after = torch.randn(2, 3, 4, 6, 6).softmax(-1)
    expected = pattern_shift(before, after)
    assert torch.allclose(torch.stack([chat["moved"](*pair) for pair in zip(before, after, strict=True)]), expected)
