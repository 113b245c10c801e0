"""Train a run: draw batches, take steps, and write metrics, samples and snapshots into its folder.

Source: lecture 00:34:53.
"""

import math
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import torch
from filelock import Timeout
from torch import Tensor

from gpt.model.build import build_model
from gpt.train.estimate import check_fits
from gpt.train.faults import TrainingFailed, good_snapshots, reason
from gpt.train.files import append_line, rewrite_lines, write_tensors
from gpt.train.optim import OPTIMIZERS, lr_at
from gpt.train.ranks import Ranks, check_parts
from gpt.train.recipe import snapshot_steps
from gpt.train.resume import load_state, save_state
from gpt.train.run import Run, RunError
from gpt.train.signals import EndedBySignal, Signals, record_signals
from gpt.train.vector import ParameterVector, shorten_lookups

PAUSE_POLL = 0.2  # seconds
SAVE_EVERY = 60  # seconds between two saved states; a killed run loses no more
SAVE_SHARE = 0.05  # largest share of the time spent on saving
ONE_PROCESS = Ranks()


def pick_device(name: str = "auto") -> torch.device:
    """Choose a device. "auto": CUDA, else Apple's MPS, else the CPU.

    Raises ValueError where there is no such device.
    """
    available = [
        device
        for device, exists in (
            ("cuda", torch.cuda.is_available()),
            ("mps", torch.backends.mps.is_available()),
            ("cpu", True),
        )
        if exists
    ]
    if name != "auto" and name not in available:
        raise ValueError(f"there is no {name!r} device here; there is {', '.join(available)}")
    return torch.device(available[0] if name == "auto" else name)


class Trainer:
    """A run in training: its model, optimizers, generators and step, and the methods that write its files.

    ranks: the processes that share each batch. micro_batches: the number of parts that a process splits its share into,
    for a batch that is larger than memory. Without dropout, neither changes the loss curve by more than rounding. Batch
    normalisation would, so it is refused.
    """

    def __init__(self, run: Run, device: torch.device, ranks: Ranks = ONE_PROCESS, micro_batches: int = 1) -> None:
        self.run, self.recipe, self.device, self.ranks = run, run.recipe, device, ranks
        self.n_parts = ranks.world_size * micro_batches
        check_parts(run.recipe, ranks.world_size, micro_batches)
        check_fits(run.recipe, run.folder, parts=self.n_parts, device=device, written=len(run.steps))
        self.objective = run.objective(run, device)
        torch.manual_seed(self.recipe.seed)
        self.model = build_model(self.recipe.model, run.objective.kind).to(device)
        self.optimizers = OPTIMIZERS[self.recipe.optimizer].make(self.model, self.recipe)
        self.vector = ParameterVector(self.optimizers)
        self.autocast = torch.autocast(device.type, torch.bfloat16, enabled=self.recipe.precision == "bfloat16")
        self.generator = torch.Generator().manual_seed(self.recipe.seed)
        shorten_lookups(self.model)
        self.step, self.elapsed = 0, 0.0
        self.batch: tuple[Tensor, ...] = ()
        self.tokens, self.busy = 0, 0.0  # tokens and seconds of training since the last logged row
        if run.resume_path.exists():
            load_state(self)
        steps = snapshot_steps(self.recipe.steps - run.began_at, self.recipe.snapshots)
        self.snapshot_steps = {run.began_at + step for step in steps}
        self.started = time.perf_counter() - self.elapsed
        self.save_at = time.perf_counter() + SAVE_EVERY
        if not ranks.is_first:
            torch.manual_seed(self.recipe.seed + 1_000_003 * ranks.rank + self.step)  # each process has its own dropout
            return
        samples = [row for row in run.samples() if row["step"] < self.step or self._is_of_this_step(row)]
        self.is_taken = any(map(self._is_of_this_step, samples))  # whether this step has its snapshot
        rewrite_lines(run.folder / "samples.jsonl", samples)
        rewrite_lines(run.folder / "metrics.jsonl", (row for row in run.metrics() if row["step"] < self.step))

    def _is_of_this_step(self, row: dict[str, Any]) -> bool:
        return row["step"] == self.step and self.run.snapshot_path(self.step).exists()

    def advance(self) -> dict[str, float]:
        """Take one optimizer step. Returns its training loss, learning rate and gradient norm."""
        recipe, began = self.recipe, time.perf_counter()
        lr = lr_at(self.step, recipe)
        if not self.batch or (self.step - self.run.began_at) % recipe.updates == 0:
            self.batch = self.objective.draw(self.model, self.generator)
        loss = self._backward(self.batch)
        grad_norm = self.vector.clip_gradient(recipe.grad_clip)
        self._check_finite("loss", loss.item())
        self._check_finite("gradient", grad_norm.item())
        self.vector.step(lr)
        self.step, self.is_taken = self.step + 1, False
        self.tokens, self.busy = self.tokens + self.batch[0].numel(), self.busy + time.perf_counter() - began
        return {"train_loss": loss.item(), "lr": lr, "grad_norm": grad_norm.item()}

    def _backward(self, batch: tuple[Tensor, ...]) -> Tensor:
        """Compute the gradients of the mean loss over the whole batch, and return that loss.

        batch: the same in every process; each computes its share, and `Ranks.sum` adds them.
        """
        losses: list[Tensor] = []
        for part in self.ranks.own_parts(batch, self.n_parts):
            with self.autocast:
                loss = self.objective.loss(self.model, *(tensor.to(self.device) for tensor in part))
            share = len(part[0]) / len(batch[0])
            (loss if share == 1 else share * loss).backward()
            losses.append(share * loss.detach())
        total = sum(losses[1:], losses[0])
        self.ranks.sum([total, self.vector.gradient])
        return total

    def evaluate(self) -> dict[str, float]:
        """Measure the model as its objective does. Raises TrainingFailed where a number is not finite."""
        measured = self.objective.evaluate(self.model)
        labels = {metric.name: metric.label for metric in self.objective.metrics}
        for name, value in measured.items():
            self._check_finite(labels[name], value)
        return measured

    def _check_finite(self, what: str, value: float) -> None:
        if not math.isfinite(value):
            raise TrainingFailed(f"the {what} became {value} at step {self.step}; {self._remedy}")

    @property
    def _remedy(self) -> str:
        return f"try a lower learning rate than {self.recipe.lr}"

    def log(self, row: dict[str, Any]) -> None:
        """Write a row of metrics with the speed since the last row (tokens per second) and the time since the start."""
        if self.busy:
            row["tokens_per_s"] = self.tokens / self.busy
        row["elapsed"] = time.perf_counter() - self.started
        self.tokens, self.busy = 0, 0.0
        append_line(self.run.folder / "metrics.jsonl", row)

    def snapshot(self) -> None:
        """Write the state to resume from, then the weights and a sample of the model's text.

        Does nothing where this step has its snapshot. Raises TrainingFailed where logits are not finite, before it
        writes.
        """
        if self.is_taken:
            return
        try:
            sample = self.objective.sample(self.model)
        except ValueError as error:
            raise TrainingFailed(f"{error} before step {self.step}; {self._remedy}") from error
        self.save()
        kind = getattr(torch, self.recipe.snapshot_type)
        path = self.run.snapshot_path(self.step)
        path.parent.mkdir(exist_ok=True)
        write_tensors(path, {name: tensor.to(kind) for name, tensor in self.model.state_dict().items()})
        append_line(self.run.folder / "samples.jsonl", {"step": self.step, **sample})
        self.is_taken = True

    def save(self) -> None:
        """Write the state to resume from. Where weights are not finite, the older state stays."""
        began = time.perf_counter()
        if not bool(self.vector.numbers.isfinite().all()):
            return
        save_state(self)
        saved = time.perf_counter()
        self.save_at = saved + max(SAVE_EVERY, (saved - began) / SAVE_SHARE)

    def save_by_time(self) -> None:
        """Save where the last save was long enough ago."""
        if time.perf_counter() >= self.save_at:
            self.save()


def train(
    run: Run,
    device: torch.device,
    on_row: Callable[[dict[str, Any]], None] = lambda row: None,
    ranks: Ranks = ONE_PROCESS,
    micro_batches: int = 1,
) -> None:
    """Train a run to its last step, or until its `stop` file appears. A run with a saved state resumes from it.

    The state is saved with each snapshot, every `SAVE_EVERY` seconds, and when SIGTERM or Ctrl-C ends the run: then
    `train` raises SystemExit or KeyboardInterrupt. The number of ranks may differ from the time before. on_row is
    called with each logged row, in the first process. Raises RunError where another process trains the run or it cannot
    be resumed, TrainingFailed where the loss is not finite. status.json also gives the reason.
    """
    if not ranks.is_first:
        with record_signals() as signals:  # torchrun sends signals to every process; the first one decides when to end
            _follow(run, device, ranks, micro_batches)
        return signals.obey()
    try:
        with run.lock.acquire(timeout=2):
            if run.steps and not run.resume_path.exists():
                raise RunError(
                    f"run {run.name!r} has snapshots but no saved state to resume from; "
                    "train a new run in another folder"
                )
            with record_signals() as signals:
                _lead(run, device, on_row, ranks, micro_batches, signals)
        signals.obey()
    except Timeout as error:
        raise RunError(f"run {run.name!r} is being trained by another process") from error


def _lead(
    run: Run,
    device: torch.device,
    on_row: Callable[[dict[str, Any]], None],
    ranks: Ranks,
    micro_batches: int,
    signals: Signals,
) -> None:
    """Train in the first process, and write the status, with the reason where training ends early."""
    step, trainer = run.status.step, None
    try:
        run.set_status("running", step)
        trainer = Trainer(run, device, ranks, micro_batches)
        _take_steps(trainer, on_row, signals)
    except KeyboardInterrupt:
        at = trainer.step if trainer else step
        run.set_status("stopped", at, "interrupted from the keyboard; it can be resumed from its newest saved state")
        raise
    except Exception as error:
        at = trainer.step if trainer else step
        run.set_status("failed", at, reason(run, error))
        if isinstance(error, TrainingFailed) and trainer and run.steps:  # this takes a while
            run.set_status("failed", at, f"{error}; {good_snapshots(run, trainer.objective, device)}")
        raise


def _take_steps(trainer: Trainer, on_row: Callable[[dict[str, Any]], None], signals: Signals) -> None:
    """Take the steps that are left, until a stop is requested. Before each step, the other processes get a message."""
    run, recipe = trainer.run, trainer.recipe
    trainer.model.train()
    while True:
        step = trainer.step
        last = step >= recipe.steps
        if signals.received:
            trainer.save()
            return _stop(trainer, f"ended by {signals.received.name}; it can be resumed")
        stop_requested = run.stop_request.exists()
        if step in trainer.snapshot_steps or last or stop_requested:
            trainer.snapshot()
        if stop_requested and not last:
            run.stop_request.unlink(missing_ok=True)
            return _stop(trainer, "stopped on request; it can be resumed")
        trainer.save_by_time()
        row: dict[str, Any] = {"step": step}
        measured = step % recipe.eval_every == 0 or last or step == run.began_at
        if measured:
            with suppress(EndedBySignal), signals.at_once():
                row |= trainer.evaluate()
            if signals.received:
                continue
        if not last:
            trainer.ranks.agree(True)
            row |= trainer.advance()
        if measured or step % recipe.log_every == 0:
            trainer.log(row)
            run.set_status("running", trainer.step)
            on_row(row)
        if last:
            return run.set_status("finished", step)
        _wait_while_paused(run, trainer, signals)


def _stop(trainer: Trainer, why: str) -> None:
    if trainer.step < trainer.recipe.steps:  # after the last step the other processes end without a message
        trainer.ranks.agree(False)
    trainer.run.set_status("stopped", trainer.step, why)


def _follow(run: Run, device: torch.device, ranks: Ranks, micro_batches: int) -> None:
    """Compute this process's share of each step until the first process stops."""
    trainer = Trainer(run, device, ranks, micro_batches)
    trainer.model.train()
    while trainer.step < run.recipe.steps and ranks.agree():
        trainer.advance()


def _wait_while_paused(run: Run, trainer: Trainer, signals: Signals) -> None:
    if not run.pause_request.exists():
        return
    pause_start = time.perf_counter()
    run.set_status("paused", trainer.step)
    while run.pause_request.exists() and not run.stop_request.exists() and not signals.received:
        time.sleep(PAUSE_POLL)
    trainer.started += time.perf_counter() - pause_start
    run.set_status("running", trainer.step)
