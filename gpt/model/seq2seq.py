"""The encoder-decoder Transformer: one half reads a source, the other writes a target and reads the source."""

from dataclasses import replace

import torch
from torch import Tensor, nn

from gpt.model.attention import Attention
from gpt.model.block import Block, BlockParts, initialise
from gpt.model.config import GPTConfig
from gpt.model.embedding import TokenEmbedding
from gpt.model.gpt import cap
from gpt.model.hooks import HookedModule, HookPoint
from gpt.model.ngrams import NGrams
from gpt.model.norms import build_norm
from gpt.model.positions import build_positions


def unmasked(config: GPTConfig) -> GPTConfig:
    """Return the config for tokens that read every token."""
    return replace(config, causal=False, window=None)


class DecoderBlock(BlockParts):
    """A block that also reads a memory: resid_mid → cross-attention → resid_mid_cross → MLP, all (B, T, C).

    Source: lecture 01:15:39, 01:42:39. Names as in TransformerLens's T5: ln2 is cross-attention's norm, ln3 the MLP's.
    """

    def __init__(self, config: GPTConfig) -> None:
        super().__init__(config)
        self.ln2 = build_norm(config)
        # the whole source may be read, and distances to it mean nothing
        self.cross_attn = Attention(replace(unmasked(config), positions="none"))
        self.hook_cross_attn_out = HookPoint()
        self.hook_resid_mid_cross = HookPoint()
        if config.mlp:
            self.ln3 = build_norm(config)

    def forward(self, x: Tensor, memory: Tensor, readable: Tensor | None = None) -> Tensor:
        """Return resid_post (B, T, C). memory: (B, S, C); readable: (B, S) bool, False where the memory is padding."""
        resid_mid = self.communicate(self.hook_resid_pre(x))
        cross_out = self.cross_attn(self.norm_before(self.ln2, resid_mid), memory=memory, readable=readable)
        resid_mid_cross = self.join(self.ln2, resid_mid, self.hook_cross_attn_out(cross_out))
        resid_mid_cross = self.hook_resid_mid_cross(resid_mid_cross)
        return self.compute(resid_mid_cross, resid_mid_cross)

    @property
    def mlp_norm(self) -> nn.Module:
        return self.ln3


class Seq2Seq(HookedModule):
    """`Seq2Seq(config)(source, target)`: ids (B, S) and (B, T) → logits after each target token (B, T, vocab_size).

    Each half has n_layer blocks; both share the embeddings and the positions. Hook points are those of `GPT`'s
    blocks, under `encoder.{l}` and `decoder.{l}`, and `decoder.{l}.cross_attn.hook_q|k|v|z|attn_scores|pattern`, where
    the keys are source tokens: patterns are (B, n_head, T, S). Raises ValueError for a config that such a model cannot
    have. Source: lecture 01:42:39; Vaswani et al. 2017, arXiv:1706.03762, figure 1.
    """

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        for name, bad, why in (
            ("n_layer", 0, "each half has at least one block"),
            (
                "causal",
                False,
                "a decoder that reads the tokens it must write learns to copy them; the encoder has no mask anyway",
            ),
            ("parallel", True, "a decoder's MLP reads what cross-attention wrote"),
            ("norm", "batch", "padding would count in the batch's statistics; choose pre"),
        ):
            if getattr(config, name) == bad:
                raise ValueError(f"GPTConfig.{name}={bad!r} does not work in an encoder-decoder: {why}")
        self.config = config
        self.embed = TokenEmbedding(config.vocab_size, config.n_embd)
        if config.has_pos_embed:
            self.pos_embed = build_positions(config)
        if config.ngrams > 1:
            self.ngrams = NGrams(config)
        self.hook_encoder_embed, self.hook_decoder_embed = HookPoint(), HookPoint()
        self.dropout = nn.Dropout(config.dropout)
        self.encoder = nn.ModuleList(Block(unmasked(config)) for _ in range(config.n_layer))
        self.encoder_final_ln = build_norm(config) if config.norm_first else nn.Identity()
        self.decoder = nn.ModuleList(DecoderBlock(config) for _ in range(config.n_layer))
        self.decoder_final_ln = build_norm(config) if config.norm_first else nn.Identity()
        self.unembed = nn.Linear(config.n_embd, config.vocab_size, bias=config.unembed_bias)
        if config.tie_weights:
            self.unembed.weight = self.embed.weight
        initialise(self, config, 3 * config.n_layer)

    def forward(self, source: Tensor, target: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Return logits (B, T, vocab_size).

        source: (B, S) ids with any padding; target: (B, T) ids; lengths: (B,) tokens of each source, None if all have
        S. Raises ValueError if a source is empty, or source or target is longer than block_size.
        """
        return self.decode(target, self.encode(source, lengths), lengths)

    def encode(self, source: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Return the memory that the decoder reads, (B, S, n_embd), from ids (B, S)."""
        if source.size(1) == 0 or (lengths is not None and lengths.min() < 1):
            raise ValueError("a source is empty; give at least one token to translate")
        readable = self._readable(source, lengths)
        x = self.hook_encoder_embed(self._embed(source))
        for block in self.encoder:
            x = block(x, readable=readable)
        return self.encoder_final_ln(x)

    def decode(self, target: Tensor, memory: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Return logits (B, T, vocab_size) after each token of the target (B, T). memory: what `encode` returns."""
        readable = self._readable(memory, lengths)
        x = self.hook_decoder_embed(self._embed(target))
        for block in self.decoder:
            x = block(x, memory, readable)
        return cap(self.unembed(self.decoder_final_ln(x)), self.config.softcap)

    def _embed(self, idx: Tensor) -> Tensor:
        T, block_size = idx.size(1), self.config.block_size
        if block_size < T:
            raise ValueError(f"{T} tokens do not fit block_size={block_size}; give at most {block_size}")
        x = self.embed(idx)  # (B, T, n_embd)
        if self.config.has_pos_embed:
            x = x + self.pos_embed[:T]
        if self.config.ngrams > 1:
            x = x + self.ngrams(idx)
        return self.dropout(x)

    @staticmethod
    def _readable(source: Tensor, lengths: Tensor | None) -> Tensor | None:
        """Return (B, S) bool, True where the source has a token; None if it has one everywhere."""
        return None if lengths is None else torch.arange(source.size(1), device=source.device) < lengths[:, None]

    @property
    def n_params(self) -> int:
        """The number of trainable parameters; a shared one counts once."""
        return sum(parameter.numel() for parameter in self.parameters())
