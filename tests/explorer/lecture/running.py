"""Run cells of the lecture's code, with the values that a test gives."""

import torch
from torch import nn

from explorer.lecture.kit.cells import read_cells
from gpt.model.attention import Attention


def run(page, *names, **given):
    """The names after the cells `names` of a page ran; the first cell's imports run too. given: names before."""
    cells = read_cells(page)
    space = {"torch": torch, "nn": nn, "F": nn.functional, **given}
    for name in names:
        exec(compile(cells[name], f"gpt/chapters/{page}.py, {name}", "exec"), space)
    return space


def copy(real, ours):
    """Give our module the weights of a real one."""
    ours.load_state_dict(real.state_dict())


def copy_heads(real: Attention, heads):
    """Give the lecture's heads, with query, key and value each, the weights of a real attention."""
    for name, weights in zip(("query", "key", "value"), real.qkv.weight.detach().chunk(3), strict=True):
        for head, weight in zip(heads, weights.chunk(len(heads)), strict=True):
            getattr(head, name).load_state_dict({"weight": weight})
