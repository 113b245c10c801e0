"""Several processes that train one run together, as `torchrun` starts them: each takes its share of every batch.

The sum of gradients is written out, in place of torch's DistributedDataParallel: the model stays the one that is saved and
looked into, micro-batches need no switch, and what crosses the wire is one line. DDP would send while backward still
computes; that pays for models much larger than these.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor

from gpt.train.recipe import Recipe

PATIENCE = timedelta(days=30)  # a pause may be long


class PeerLost(RuntimeError):
    """Another of the processes has ended."""


@dataclass(frozen=True)
class Ranks:
    """Which of the processes this one is. The first alone reads requests and writes the run folder."""

    rank: int = 0
    world_size: int = 1
    device: torch.device | None = None  # that messages between the processes are made on

    @property
    def is_first(self) -> bool:
        return self.rank == 0

    def sum(self, tensors: Sequence[Tensor]) -> None:
        """Replace each tensor by its sum over all processes, in one message."""
        if self.world_size == 1:
            return
        flat = torch.cat([tensor.flatten().float() for tensor in tensors])
        self._exchange(dist.all_reduce, flat)
        for tensor, total in zip(tensors, flat.split([tensor.numel() for tensor in tensors]), strict=True):
            tensor.copy_(total.view_as(tensor))

    def agree(self, go_on: bool = True) -> bool:
        """What the first process says; the others wait for it."""
        if self.world_size == 1:
            return go_on
        word = torch.tensor([go_on], dtype=torch.int32, device=self.device)
        self._exchange(dist.broadcast, word, 0)
        return bool(word.item())

    def _exchange(self, operation: Callable[..., object], *arguments: object) -> None:
        try:
            operation(*arguments)
        except RuntimeError as error:
            raise PeerLost(
                f"another of the {self.world_size} processes has ended; resume with any number of processes"
            ) from error


def check_parts(recipe: Recipe, world_size: int, micro_batches: int) -> None:
    """Raise ValueError where a batch cannot be shared by so many processes, each taking its share in so many parts."""
    if world_size * micro_batches > recipe.batch_size:
        raise ValueError(
            f"a batch of {recipe.batch_size} cannot be shared by {world_size} processes in {micro_batches} parts each; "
            "take fewer, or a larger batch"
        )
    if world_size * micro_batches > 1 and recipe.model.norm == "batch":
        raise ValueError(
            f"norm='batch' cannot train in {world_size * micro_batches} parts: each would have its own batch statistics, which changes "
            "the curve; take one process without --accumulate, or norm='pre'"
        )


def join(device: torch.device) -> Ranks:
    """Meet the other processes where torchrun started this one, and be alone otherwise.

    device: of the model; on GPUs each process takes its own. Raises ValueError where processes cannot train together on it.
    """
    world_size = int(os.environ["WORLD_SIZE"]) if "TORCHELASTIC_RUN_ID" in os.environ else 1
    if world_size == 1:
        return Ranks()
    if device.type not in ("cpu", "cuda"):
        raise ValueError(f"several processes cannot train together on {device.type!r}; give --device cpu")
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        if device.index >= torch.cuda.device_count():
            raise ValueError(
                f"this machine has {torch.cuda.device_count()} GPUs; start at most as many processes on it"
            )
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=PATIENCE)
    return Ranks(dist.get_rank(), world_size, device)


def leave(ranks: Ranks) -> None:
    """Part from the other processes."""
    if ranks.world_size > 1:
        dist.destroy_process_group()
