"""Positions: a vector for each place in the context, or an angle by which queries and keys are turned."""

import math
from functools import lru_cache

import torch
from torch import Tensor, nn

from gpt.model.config import GPTConfig, RopeScaling
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


class Rotary(nn.Module):
    """Turn the features of a query or key, pair by pair, by angles that grow with its position.

    The score of a query and a key then depends on their distance only. The first n features are turned, feature i is
    paired with i + n/2, and pair i turns by rope_base^(−2i/n) radians a token. Source: Su et al. 2021,
    arXiv:2104.09864; the pairs are those of GPT-NeoX (Black et al. 2022, arXiv:2204.06745).
    """

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.n, self.base, self.scaling = config.n_turned, config.rope_base, config.rope_scaling

    def forward(self, x: Tensor, start: int = 0) -> Tensor:
        """Return x turned, (B, T, n_head, d_head). start: the position of its first token."""
        cos, sin = turns(self.n, self.base, self.scaling, start, x.size(1), x.dtype, x.device)
        turned, rest = x[..., : self.n], x[..., self.n :]  # rung 9: the features that are turned
        first, second = turned.chunk(2, dim=-1)  # rung 9: feature i and i + n/2 make a pair
        # rung 9: each pair is turned by its angle
        return torch.cat((first * cos - second * sin, second * cos + first * sin, rest), dim=-1)

    def angles(self, T: int, start: int, like: Tensor) -> Tensor:
        """Return the angle of each pair at each of T positions from `start` on, (T, n/2) radians, on like's device.

        They are not kept as a buffer: in bfloat16 a position of 1,000 would be wrong by several tokens.
        """
        dtype = torch.float64 if like.dtype == torch.float64 else torch.float32
        return angles(self.n, self.base, self.scaling, start, T, dtype, like.device)


def angles(
    n: int, base: float, scaling: RopeScaling | None, start: int, T: int, dtype: torch.dtype, device: torch.device
) -> Tensor:
    """Return the angles (T, n/2), radians, of T positions from `start` on."""
    frequencies = base ** (-torch.arange(0, n, 2, device=device, dtype=dtype) / n)
    if scaling is not None:
        frequencies = stretch(frequencies, scaling)
    return torch.outer(torch.arange(start, start + T, device=device, dtype=dtype), frequencies)


@lru_cache(maxsize=8)  # every layer turns its queries and keys by the same angles
def turns(
    n: int, base: float, scaling: RopeScaling | None, start: int, T: int, dtype: torch.dtype, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Return the cosines and sines of these angles, (T, 1, n/2) each."""
    precise = torch.float64 if dtype == torch.float64 else torch.float32
    with torch.inference_mode(False):  # so that training may use them too
        angle = angles(n, base, scaling, start, T, precise, device).unsqueeze(1)
        return angle.cos().to(dtype), angle.sin().to(dtype)


def stretch(frequencies: Tensor, scaling: RopeScaling) -> Tensor:
    """Return the frequencies (n/2,), radians a token, for a longer context, as `RopeScaling` describes."""
    slow = frequencies / scaling.factor
    if scaling.kind == "linear":
        return slow
    turns = scaling.original * frequencies / (2 * math.pi)  # in the original context
    share = (turns - scaling.low_freq_factor) / (scaling.high_freq_factor - scaling.low_freq_factor)
    return torch.lerp(slow, frequencies, share.clamp(0, 1))
