"""The decoder-only Transformer: one module for training, generation and inspection."""

from collections.abc import Sequence
from typing import cast

from torch import Tensor, nn
from torch.nn import functional as F

from gpt.model.attention import KVCache
from gpt.model.block import Block, initialise
from gpt.model.config import GPTConfig
from gpt.model.embedding import TokenEmbedding
from gpt.model.hooks import HookedModule, HookPoint
from gpt.model.ngrams import NGrams
from gpt.model.norms import build_norm
from gpt.model.positions import build_positions


class GPT(HookedModule):
    """`GPT(config)(idx)`: token ids (B, T) → logits at every position (B, T, vocab_size).

    Raises ValueError for n_layer=0, which describes a `Bigram`. Source: lecture 01:37:49; layout as in GPT-2 (Radford
    et al. 2019).
    """

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        if config.n_layer == 0:
            raise ValueError(
                "GPT needs n_layer of at least 1; n_layer=0 describes a Bigram, which gpt.build_model makes"
            )
        self.config = config
        self.embed = TokenEmbedding(config.vocab_size, config.n_embd)
        self.hook_embed = HookPoint()
        if config.has_pos_embed:  # rung 2: positions
            self.pos_embed = build_positions(config)
            self.hook_pos_embed = HookPoint()
        if config.ngrams > 1:
            self.ngrams = NGrams(config)
            self.hook_ngrams = HookPoint()
        self.dropout = nn.Dropout(config.dropout)  # rung 7: dropout
        # rung 5: many blocks
        self.blocks = cast("Sequence[Block]", nn.ModuleList(Block(config) for _ in range(config.n_layer)))
        self.ln_final = build_norm(config) if config.norm_first else nn.Identity()  # rung 6: a last layernorm
        self.unembed = nn.Linear(config.n_embd, config.vocab_size, bias=config.unembed_bias)
        if config.tie_weights:
            self.unembed.weight = self.embed.weight
        initialise(self, config, 2 * config.n_layer)

    def forward(self, idx: Tensor, past: list[KVCache] | None = None) -> Tensor:
        """Return the logits (B, T, vocab_size).

        idx: (B, T) ids; past: one KVCache per layer (`new_cache`); then idx are the tokens after those in the cache.
        Raises ValueError if past and idx together are longer than block_size.
        """
        return self.read_out(self.stream(idx, past))

    def next_logits(self, idx: Tensor) -> Tensor:
        """Return the logits of the next token only, (B, vocab_size): with a large vocabulary, much less work."""
        return self.read_out(self.stream(idx)[:, -1:])[:, 0]

    def stream(self, idx: Tensor, past: list[KVCache] | None = None) -> Tensor:
        """Return the residual stream after the last block, (B, T, n_embd)."""
        start = past[0].length if past else 0
        end = start + idx.size(1)
        if end > self.config.block_size:
            raise ValueError(
                f"{end} tokens do not fit block_size={self.config.block_size}; "
                f"give the model the last {self.config.block_size}"
            )
        x = self.hook_embed(self.embed(idx))  # (B, T, n_embd)
        if self.config.has_pos_embed:  # rung 2: positions
            positions = self.pos_embed[start:end]
            if self.hook_pos_embed.is_hooked:  # a copy, so that a hook that writes in place cannot write into the model
                positions = self.hook_pos_embed(positions.expand_as(x).clone())
            x = x + positions
        if self.config.ngrams > 1:
            x = x + self.hook_ngrams(self.ngrams(idx, past[0] if past else None))
        x = self.dropout(x)  # rung 7: dropout
        for layer, block in enumerate(self.blocks):  # rung 5: many blocks
            x = block(x, past[layer] if past else None)
        return x

    def read_out(self, stream: Tensor) -> Tensor:
        """Return the logits (…, vocab_size) that the model reads from its stream (…, n_embd)."""
        x = self.ln_final(stream)  # rung 6: a last layernorm
        return cap(self.unembed(x), self.config.softcap)

    def new_cache(self) -> list[KVCache]:
        """Return an empty KV cache for `forward(idx, past)`."""
        return [KVCache(self.config.block_size) for _ in self.blocks]

    @property
    def n_params(self) -> int:
        """The number of trainable parameters; a shared one counts once."""
        return sum(parameter.numel() for parameter in self.parameters())


def cap(logits: Tensor, softcap: float | None) -> Tensor:
    """Squeeze logits between −softcap and softcap. Source: Bello et al. 2016, arXiv:1611.09940; Gemma 2."""
    return logits if softcap is None else softcap * (logits / softcap).tanh()


def loss_of(logits: Tensor, targets: Tensor) -> Tensor:  # rung 1: the loss
    """Return the mean cross-entropy in nats per token; logits (B, T, vocab_size), targets (B, T).

    Source: lecture 00:22:11.
    """
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten())
