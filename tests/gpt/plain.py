"""The yardstick of a forward pass: the default GPT as nanoGPT writes it, without hook points."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gpt import GPT, GPTConfig


class PlainAttention(nn.Module):
    """Multi-head attention, in torch's fused kernel or explicitly."""

    def __init__(self, config: GPTConfig, fused: bool) -> None:
        super().__init__()
        self.n_head, self.n_embd, self.fused = config.n_head, config.n_embd, fused
        self.qkv = nn.Linear(config.n_embd, 3 * config.n_embd)
        self.proj = nn.Linear(config.n_embd, config.n_embd)
        self.future = nn.Buffer(torch.ones(config.block_size, config.block_size).tril() == 0, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        B, T, C = x.shape
        q, k, v = (t.view(B, T, self.n_head, -1).transpose(1, 2) for t in self.qkv(x).split(C, dim=-1))
        if self.fused:
            z = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            scores = q @ k.transpose(-2, -1) * (1 / math.sqrt(q.size(-1)))
            z = scores.masked_fill(self.future[:T, :T], -torch.inf).softmax(-1) @ v
        return self.proj(z.transpose(1, 2).reshape(B, T, C))


class PlainMLP(nn.Module):
    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.up = nn.Linear(config.n_embd, 4 * config.n_embd)
        self.down = nn.Linear(4 * config.n_embd, config.n_embd)

    def forward(self, x: Tensor) -> Tensor:
        return self.down(F.gelu(self.up(x), approximate="tanh"))


class PlainBlock(nn.Module):
    def __init__(self, config: GPTConfig, fused: bool) -> None:
        super().__init__()
        self.ln1, self.ln2 = nn.LayerNorm(config.n_embd), nn.LayerNorm(config.n_embd)
        self.attn = PlainAttention(config, fused)
        self.mlp = PlainMLP(config)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.ln1(x))
        return x + self.mlp(self.ln2(x))


class PlainGPT(nn.Module):
    """ids (B, T) → logits (B, T, vocab_size), with the weights of `model`, whose switches are the default ones."""

    def __init__(self, model: GPT, fused: bool) -> None:
        super().__init__()
        config = model.config
        self.embed = nn.Embedding(config.vocab_size, config.n_embd)
        self.pos_embed = nn.Parameter(torch.empty(config.block_size, config.n_embd))
        self.blocks = nn.ModuleList(PlainBlock(config, fused) for _ in range(config.n_layer))
        self.ln_final = nn.LayerNorm(config.n_embd)
        self.unembed = nn.Linear(config.n_embd, config.vocab_size, bias=False)
        self.load_state_dict(model.state_dict())
        self.eval()

    def forward(self, idx: Tensor) -> Tensor:
        x = self.embed(idx) + self.pos_embed[: idx.size(1)]
        for block in self.blocks:
            x = block(x)
        return self.unembed(self.ln_final(x))
