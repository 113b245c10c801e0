"""Train one run with several processes, started by `torchrun`. Each process computes its share of every batch.

The gradients are summed here and not by torch's DistributedDataParallel: the model needs no wrapper, micro-batches need
no switch, and all communication is in one line. DDP would send gradients during the backward pass; that is faster only
for much larger models.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.distributed_c10d import PrefixStore
from torch.distributed.rendezvous import rendezvous

from gpt.train.recipe import Recipe

RESTARTS = ("TORCHELASTIC_RESTART_COUNT", "SLURM_RESTART_COUNT")  # how often torchrun or Slurm started this again
PATIENCE = timedelta(days=30)  # a pause may be long


class PeerLost(RuntimeError):
    """Another process of this training has ended."""


@dataclass(frozen=True)
class Ranks:
    """The rank of this process and the number of processes. Only the first reads requests and writes the run folder."""

    rank: int = 0
    world_size: int = 1
    device: torch.device | None = None  # of the messages between the processes

    @property
    def is_first(self) -> bool:
        return self.rank == 0

    def own_parts(self, batch: tuple[Tensor, ...], n_parts: int) -> Sequence[tuple[Tensor, ...]]:
        """Split a batch into parts for all processes, and return those of this process."""
        if n_parts == 1:
            return [batch]
        parts = list(zip(*(tensor.tensor_split(n_parts) for tensor in batch), strict=True))
        return parts[self.rank :: self.world_size]

    def sum(self, tensors: Sequence[Tensor]) -> None:
        """Replace each tensor by its sum over all processes, in one message."""
        if self.world_size == 1:
            return
        flat = torch.cat([tensor.flatten().float() for tensor in tensors])
        self._exchange(dist.all_reduce, flat)
        for tensor, total in zip(tensors, flat.split([tensor.numel() for tensor in tensors]), strict=True):
            tensor.copy_(total.view_as(tensor))

    def agree(self, go_on: bool = True) -> bool:
        """Return the first process's `go_on` in every process. The others wait for it."""
        if self.world_size == 1:
            return go_on
        message = torch.tensor([go_on], dtype=torch.int32, device=self.device)
        self._exchange(dist.broadcast, message, 0)
        return bool(message.item())

    def _exchange(self, operation: Callable[..., object], *arguments: object) -> None:
        try:
            operation(*arguments)
        except RuntimeError as error:
            raise PeerLost(
                f"another of the {self.world_size} processes has ended; resume with any number of processes"
            ) from error


def check_parts(recipe: Recipe, world_size: int, micro_batches: int) -> None:
    """Raise ValueError where a batch cannot be split over these processes and their micro-batches."""
    if world_size * micro_batches > recipe.batch_size:
        raise ValueError(
            f"a batch of {recipe.batch_size} cannot be shared by {world_size} processes in {micro_batches} parts each; "
            "take fewer, or a larger batch"
        )
    if world_size * micro_batches > 1 and recipe.model.experts > 1:
        raise ValueError(
            f"experts={recipe.model.experts} cannot train in {world_size * micro_batches} parts: "
            "each would balance the experts by its own tokens; train in one process, without --accumulate"
        )
    if world_size * micro_batches > 1 and recipe.model.norm == "batch":
        raise ValueError(
            f"norm='batch' cannot train in {world_size * micro_batches} parts: "
            "each would have its own batch statistics, "
            "which changes the curve; take one process without --accumulate, or norm='pre'"
        )


def is_restart() -> bool:
    """Return whether torchrun or Slurm has started this command again, because a process or a machine was lost."""
    return any(int(os.environ.get(name) or 0) for name in RESTARTS)


def join(device: torch.device) -> Ranks:
    """Connect to the other processes where torchrun started this one. Without torchrun there is one process.

    device: of the model; each process takes a GPU of its own. Raises ValueError where processes cannot share the device
    type.
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
    store, rank, _ = next(rendezvous("env://"))
    store = PrefixStore(f"start {os.environ[RESTARTS[0]]}", store)  # it keeps the addresses of lost processes
    backend = "nccl" if device.type == "cuda" else "gloo"
    dist.init_process_group(backend, store=store, rank=rank, world_size=world_size, timeout=PATIENCE)
    return Ranks(rank, world_size, device)


def leave(ranks: Ranks) -> None:
    """Disconnect from the other processes."""
    if ranks.world_size > 1:
        dist.destroy_process_group()
