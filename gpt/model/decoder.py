"""One token at a time, when nobody listens: the numbers of `GPT.forward` with a cache, in half the time.

A small model's token takes longer to look up modules, weights and hooks than to compute. So a `Decoder` looks them up
once.
"""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gpt.model.attention import Attention, KVCache
from gpt.model.block import Block
from gpt.model.experts import Experts
from gpt.model.gpt import GPT, cap
from gpt.model.mlp import MLP
from gpt.model.norms import LayerNorm

Step = Callable[[Tensor], Tensor]  # (1, 1, …) → (1, 1, …)


class Decoder:
    """`Decoder(model, past)(token)`: the logits (vocab_size,) after one more token; past: `model.new_cache()`.

    The model is in eval mode, and its weights are not replaced while the decoder lives.
    """

    def __init__(self, model: GPT, past: list[KVCache]) -> None:
        self.past = past
        self.embed = model.embed.weight
        self.pos_embed = model.pos_embed if model.config.has_pos_embed else None
        self.ngrams = model.ngrams if model.config.ngrams > 1 else None
        self.blocks = [block_step(block, cache) for block, cache in zip(model.blocks, past, strict=True)]
        self.ln_final, self.unembed = norm_step(model.ln_final), linear_step(model.unembed)
        self.softcap = model.config.softcap

    def __call__(self, token: int) -> Tensor:
        x = self.embed[token]
        if self.pos_embed is not None:
            x = x + self.pos_embed[self.past[0].length]
        if self.ngrams is not None:
            x = x + self.ngrams(torch.tensor([[token]], device=x.device), self.past[0])
        x = x.view(1, 1, -1)
        for step in self.blocks:
            x = step(x)
        return cap(self.unembed(self.ln_final(x)), self.softcap).flatten()


def block_step(block: Block, past: KVCache) -> Step:
    """Return `block` for one token: attention, then the MLP."""
    attend, ln1, read, join = attention_step(block.attn, past), norm_step(block.ln1), block.read, block.join
    compute, ln2 = (mlp_step(block.mlp), norm_step(block.ln2)) if block.has_mlp else (None, None)

    def step(resid_pre: Tensor) -> Tensor:
        resid_mid = join(ln1, resid_pre, attend(read(resid_pre, ln1, block.attn_shift, past)))
        if compute is None or ln2 is None:
            return resid_mid
        stream = resid_pre if block.parallel else resid_mid
        return join(ln2, resid_mid, compute(read(stream, ln2, block.mlp_shift, past)))

    return step


def attention_step(attention: Attention, past: KVCache) -> Step:
    """Return `attention` for one token. It reads every token of its window, so there is no mask."""
    qkv, proj = linear_step(attention.qkv), linear_step(attention.proj)
    heads, q_norm, k_norm, rotary = attention.heads, attention.q_norm, attention.k_norm, attention.rotary
    window = attention.window
    attend = partial(
        F.scaled_dot_product_attention, scale=attention.scale, enable_gqa=attention.n_kv_head < attention.n_head
    )

    def step(x: Tensor) -> Tensor:
        q, k, v = qkv(x).view(1, 1, -1, attention.d_head).split(heads, dim=2)  # (1, 1, n_head or n_kv_head, d_head)
        if q_norm is not None and k_norm is not None:
            q, k = q_norm(q), k_norm(k)
        if rotary is not None:
            q, k = rotary(q, past.length), rotary(k, past.length)
        k, v = past.extend(k.transpose(1, 2), v.transpose(1, 2))  # (1, n_kv_head, T, d_head)
        if window is not None:
            k, v = k[:, :, -window:], v[:, :, -window:]
        return proj(attend(q.transpose(1, 2), k, v).view(1, 1, -1))

    return step


def mlp_step(mlp: MLP | Experts) -> Step:
    """Return `mlp`, whose weights are looked up once; a mixture of experts as it is."""
    if isinstance(mlp, Experts):
        return mlp
    up, down, activation = linear_step(mlp.up), linear_step(mlp.down), mlp.activation
    if mlp.gate is None:
        return lambda x: down(activation(up(x)))
    gate = linear_step(mlp.gate)
    return lambda x: down(activation(gate(x)) * up(x))


def linear_step(module: nn.Module) -> Step:
    """Return a linear layer, whose weights are looked up once; anything else as it is."""
    return partial(F.linear, weight=module.weight, bias=module.bias) if isinstance(module, nn.Linear) else module


def norm_step(norm: nn.Module) -> Step:
    """Return a layernorm, whose weights are looked up once; anything else as it is."""
    if not isinstance(norm, LayerNorm):
        return norm
    weight, bias, eps = norm.weight, norm.bias, norm.eps
    return lambda x: torch.layer_norm(x, x.shape[-1:], weight, bias, eps)
