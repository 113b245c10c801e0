"""The training loop: draws batches, takes steps, and writes everything down in the run's folder.

Source: lecture 00:34:53.
"""

import math
import time
from collections.abc import Callable
from typing import Any

import torch
from filelock import Timeout
from torch import Tensor, nn

from gpt.model.build import build_model
from gpt.train.estimate import check_fits
from gpt.train.faults import TrainingFailed, reason
from gpt.train.files import append_line, open_tensors, rewrite_lines, write_tensors
from gpt.train.objectives import OBJECTIVES
from gpt.train.optim import lr_at, make_optimizers
from gpt.train.presets import snapshot_steps
from gpt.train.ranks import Ranks, check_parts
from gpt.train.run import Run, RunError

PAUSE_POLL = 0.2  # seconds
ALONE = Ranks()


def pick_device(name: str = "auto") -> torch.device:
    """ "auto" is CUDA, else Apple's MPS, else the CPU. Raises ValueError where the device asked for is not there."""
    available = [
        d
        for d, there in (("cuda", torch.cuda.is_available()), ("mps", torch.backends.mps.is_available()), ("cpu", True))
        if there
    ]
    if name != "auto" and name not in available:
        raise ValueError(f"there is no {name!r} device here; there is {', '.join(available)}")
    return torch.device(available[0] if name == "auto" else name)


class Trainer:
    """One run in training: all that changes from step to step, and the writing of it.

    ranks: the processes that share its batches. micro_batches: parts of a process's share that are taken one after another,
    for a batch that is larger than memory. Neither changes the curve by more than rounding, where nothing drops out; batchnorm,
    which would, is refused.
    """

    def __init__(self, run: Run, device: torch.device, ranks: Ranks = ALONE, micro_batches: int = 1) -> None:
        self.run, self.recipe, self.device, self.ranks = run, run.recipe, device, ranks
        self.n_parts = ranks.world_size * micro_batches
        check_parts(run.recipe, ranks.world_size, micro_batches)
        check_fits(run.recipe, run.folder, parts=self.n_parts, device=device, written=len(run.steps))
        self.objective = OBJECTIVES[self.recipe.objective](run, device)
        torch.manual_seed(self.recipe.seed)
        self.model = build_model(self.recipe.model, self.recipe.objective).to(device)
        self.optimizers = make_optimizers(self.model, self.recipe)
        self.generator = torch.Generator().manual_seed(self.recipe.seed)
        self.step, self.elapsed = 0, 0.0
        self.batch: tuple[Tensor, ...] = ()
        self.tokens, self.busy = 0, 0.0  # trained on, and seconds it took, since the last logged row
        if run.resume_path.exists():
            self._restore()
        film = snapshot_steps(self.recipe.steps - run.began_at, self.recipe.snapshots)
        self.snapshot_steps = {run.began_at + step for step in film}
        self.started = time.perf_counter() - self.elapsed
        if not ranks.is_first:
            torch.manual_seed(self.recipe.seed + 1_000_003 * ranks.rank + self.step)  # each drops out what it likes
            return
        for name, rows in (("metrics", run.metrics()), ("samples", run.samples())):
            rewrite_lines(run.folder / f"{name}.jsonl", (row for row in rows if row["step"] < self.step))

    def advance(self) -> dict[str, float]:
        """Take one optimizer step; returns what is worth logging of it."""
        recipe, began = self.recipe, time.perf_counter()
        lr = lr_at(self.step, recipe)
        if not self.batch or (self.step - self.run.began_at) % recipe.updates == 0:
            self.batch = self.objective.draw(self.model, self.generator)
        loss = self._backward(self.batch)
        grad_norm = nn.utils.clip_grad_norm_(self.model.parameters(), recipe.grad_clip or math.inf)
        self._check_finite("loss", loss.item())
        self._check_finite("gradient", grad_norm.item())
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = lr
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        self.step += 1
        self.tokens, self.busy = self.tokens + self.batch[0].numel(), self.busy + time.perf_counter() - began
        return {"train_loss": loss.item(), "lr": lr, "grad_norm": grad_norm.item()}

    def _backward(self, batch: tuple[Tensor, ...]) -> Tensor:
        """Gradients of the mean loss over the whole batch, each process adding those of its own examples; returns that loss.

        batch: the same in every process.
        """
        loss = torch.zeros((), device=self.device)
        parts = list(zip(*(tensor.tensor_split(self.n_parts) for tensor in batch), strict=True))
        for part in parts[self.ranks.rank :: self.ranks.world_size]:
            with torch.autocast(self.device.type, torch.bfloat16, enabled=self.recipe.precision == "bfloat16"):
                part_loss = self.objective.loss(self.model, *(tensor.to(self.device) for tensor in part))
            part_loss = part_loss * (len(part[0]) / len(batch[0]))
            part_loss.backward()
            loss += part_loss.detach()
        self.ranks.sum([loss, *(p.grad for p in self.model.parameters() if p.grad is not None)])
        return loss

    def evaluate(self) -> dict[str, float]:
        """What the objective measures, on what is not trained on."""
        found = self.objective.evaluate(self.model)
        for name, value in found.items():
            self._check_finite({"val_loss": "validation loss"}.get(name, name), value)
        return found

    def _check_finite(self, what: str, value: float) -> None:
        if not math.isfinite(value):
            raise TrainingFailed(f"the {what} became {value} at step {self.step}; {self._remedy}")

    @property
    def _remedy(self) -> str:
        return f"try a lower learning rate than {self.recipe.lr}"

    def log(self, row: dict[str, Any]) -> None:
        """Complete a row of metrics with the speed since the last one and the time since the start, and write it."""
        if self.busy:
            row["tokens_per_s"] = self.tokens / self.busy
        row["elapsed"] = time.perf_counter() - self.started
        self.tokens, self.busy = 0, 0.0
        append_line(self.run.folder / "metrics.jsonl", row)

    def snapshot(self) -> None:
        """Write all that resuming needs, then the weights and a sample of what they write.

        Raises TrainingFailed, before anything is written, where the weights give no numbers any more.
        """
        try:
            sample = self.objective.sample(self.model)
        except ValueError as error:
            raise TrainingFailed(f"{error} before step {self.step}; {self._remedy}") from error
        self._save_state()
        kind = getattr(torch, self.recipe.snapshot_type)
        path = self.run.snapshot_path(self.step)
        path.parent.mkdir(exist_ok=True)
        write_tensors(path, {name: tensor.to(kind) for name, tensor in self.model.state_dict().items()})
        append_line(self.run.folder / "samples.jsonl", {"step": self.step, **sample})

    def _save_state(self) -> None:
        tensors = {f"model.{name}": tensor for name, tensor in self.model.state_dict().items()}
        for i, optimizer in enumerate(self.optimizers):
            for parameter, state in optimizer.state_dict()["state"].items():
                tensors |= {f"optimizer.{i}.{parameter}.{key}": value for key, value in state.items()}
        if (self.step - self.run.began_at) % self.recipe.updates:  # it will be used again
            tensors |= {f"batch.{i}": tensor for i, tensor in enumerate(self.batch)}
        tensors |= {"rng.batches": self.generator.get_state(), "rng.torch": torch.get_rng_state()}
        if self.device.type == "cuda":
            tensors["rng.cuda"] = torch.cuda.get_rng_state()
        self.run.resume_path.parent.mkdir(exist_ok=True)
        elapsed = time.perf_counter() - self.started
        write_tensors(self.run.resume_path, tensors, {"step": str(self.step), "elapsed": str(elapsed)})

    def _restore(self) -> None:
        """Back to the newest saved state. Raises RunError where it is damaged."""
        saved = self.run.new_model("its state to resume from", self.run.resume_path, "model.")
        self.model.load_state_dict(saved.state_dict())
        try:
            self._load_state()
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise RunError(
                f"run {self.run.name!r}: its state to resume from is damaged ({error}); train it anew in another folder"
            ) from error

    def _load_state(self) -> None:
        with open_tensors(self.run.resume_path, f"the state to resume from of run {self.run.name!r}") as file:
            self.step, self.elapsed = int(file.metadata()["step"]), float(file.metadata()["elapsed"])
            names = list(file.keys())
            for i, optimizer in enumerate(self.optimizers):
                state: dict[int, dict[str, Tensor]] = {}
                for name in names:
                    if name.startswith(f"optimizer.{i}."):
                        _, _, parameter, key = name.split(".")
                        state.setdefault(int(parameter), {})[key] = file.get_tensor(name)
                optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
            self.batch = tuple(file.get_tensor(name) for name in sorted(names) if name.startswith("batch."))
            self.generator.set_state(file.get_tensor("rng.batches"))
            torch.set_rng_state(file.get_tensor("rng.torch"))
            if self.device.type == "cuda" and "rng.cuda" in names:
                torch.cuda.set_rng_state(file.get_tensor("rng.cuda"))


def train(
    run: Run,
    device: torch.device,
    on_row: Callable[[dict[str, Any]], None] = lambda row: None,
    ranks: Ranks = ALONE,
    micro_batches: int = 1,
) -> None:
    """Train a run to its end, or until its `stop` file appears; goes on where it was left, with as many ranks as there are now.

    on_row is called with each logged row, in the first process. Raises RunError where another process trains it or it cannot
    go on, TrainingFailed where the loss is no number any more; what ends a training that had begun also stands in status.json.
    """
    if not ranks.is_first:
        return _follow(run, device, ranks, micro_batches)
    try:
        with run.lock.acquire(timeout=2):
            if run.steps and not run.resume_path.exists():
                raise RunError(
                    f"run {run.name!r} has snapshots but no state to go on from; train anew in another folder"
                )
            _lead(run, device, on_row, ranks, micro_batches)
    except Timeout as error:
        raise RunError(f"run {run.name!r} is being trained by another process") from error


def _lead(
    run: Run, device: torch.device, on_row: Callable[[dict[str, Any]], None], ranks: Ranks, micro_batches: int
) -> None:
    """Train, and write everything down. The other processes hear once a step whether there is another."""
    step = run.status.step
    try:
        run.set_status("running", step)
        trainer = Trainer(run, device, ranks, micro_batches)
        trainer.model.train()
        while True:
            step = trainer.step
            last = step >= run.recipe.steps
            asked_to_stop = run.stop_request.exists()
            if step in trainer.snapshot_steps or last or asked_to_stop:
                trainer.snapshot()
            if asked_to_stop and not last:
                run.stop_request.unlink(missing_ok=True)
                ranks.agree(False)
                return run.set_status("stopped", step, "stopped on request; it can be resumed")
            row: dict[str, Any] = {"step": step}
            measured = step % run.recipe.eval_every == 0 or last or step == run.began_at
            if measured:
                row |= trainer.evaluate()
            if not last:
                ranks.agree(True)
                row |= trainer.advance()
            if measured or step % run.recipe.log_every == 0:
                trainer.log(row)
                run.set_status("running", trainer.step)
                on_row(row)
            if last:
                return run.set_status("finished", step)
            _wait_while_paused(run, trainer)
    except KeyboardInterrupt:
        run.set_status("stopped", step, "interrupted from the keyboard; it can be resumed from its newest snapshot")
        raise
    except Exception as error:
        run.set_status("failed", step, reason(run, error))
        raise


def _follow(run: Run, device: torch.device, ranks: Ranks, micro_batches: int) -> None:
    """Do this process's share of every step, for as long as the first process goes on."""
    trainer = Trainer(run, device, ranks, micro_batches)
    trainer.model.train()
    while trainer.step < run.recipe.steps and ranks.agree():
        trainer.advance()


def _wait_while_paused(run: Run, trainer: Trainer) -> None:
    if not run.pause_request.exists():
        return
    paused_at = time.perf_counter()
    run.set_status("paused", trainer.step)
    while run.pause_request.exists() and not run.stop_request.exists():
        time.sleep(PAUSE_POLL)
    trainer.started += time.perf_counter() - paused_at
    run.set_status("running", trainer.step)
