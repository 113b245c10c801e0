"""Positions: a vector for each place in the context."""

import torch
from torch import Tensor, nn

from gpt.model.config import GPTConfig
from gpt.model.embedding import INIT_STD


def build_positions(config: GPTConfig) -> nn.Parameter | nn.Buffer:
    """Make the vectors of all positions, (block_size, n_embd): learned, or fixed sinusoids."""
    if config.positions == "learned":
        return nn.Parameter(torch.randn(config.block_size, config.n_embd))
    token_size = 1.0 if config.norm == "none" else INIT_STD
    amplitude = token_size if config.amplitude is None else config.amplitude
    return nn.Buffer(amplitude * sinusoids(config.block_size, config.n_embd))


def sinusoids(block_size: int, n_embd: int) -> Tensor:
    """Return the sine and cosine of each position at geometric frequencies, (block_size, n_embd).

    Source: Vaswani et al. 2017, arXiv:1706.03762, section 3.5; lecture 01:00:18.
    """
    position = torch.arange(block_size).unsqueeze(1)  # (T, 1)
    angle = position * 10_000 ** (-torch.arange(0, n_embd, 2) / n_embd)  # (T, C/2)
    return torch.stack((angle.sin(), angle.cos()), dim=-1).reshape(block_size, n_embd)
