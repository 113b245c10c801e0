"""The training loop: draws batches, takes steps, and writes everything down in the run's folder.

Source: lecture 00:34:53 (loop), 00:38:00 (estimated loss).
"""

import json
import math
import time
from collections.abc import Callable, Iterable
from typing import Any

import torch
from filelock import Timeout
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from gpt.generate import generate
from gpt.model.bigram import build_model
from gpt.model.gpt import loss_of
from gpt.text.batches import draw_batch, split_ids
from gpt.train.optim import lr_at, make_optimizers
from gpt.train.presets import Recipe, snapshot_steps
from gpt.train.run import Run, RunError, write_tensors

SAMPLE_TOKENS = 200
EVAL_SEED = 4242
PAUSE_POLL = 0.2  # seconds


class TrainingFailed(RuntimeError):
    """The loss is no number any more; snapshots taken before are good."""


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


@torch.no_grad()
def estimate_loss(model: nn.Module, ids: Tensor, recipe: Recipe) -> float:
    """Mean loss in nats per token over `recipe.eval_batches` random batches, the same at every call. ids: (N,)."""
    was_training = model.training
    model.eval()
    generator = torch.Generator().manual_seed(EVAL_SEED)
    device = next(model.parameters()).device
    losses = []
    for _ in range(recipe.eval_batches):
        x, y = draw_batch(ids, recipe.batch_size, recipe.model.block_size, generator)
        losses.append(loss_of(model(x.to(device)), y.to(device)).item())
    model.train(was_training)
    return sum(losses) / len(losses)


class Trainer:
    """One run in training: all that changes from step to step, and the writing of it."""

    def __init__(self, run: Run, device: torch.device) -> None:
        self.run, self.recipe, self.device = run, run.recipe, device
        self.train_ids, self.val_ids = split_ids(run.tokenizer.encode(run.corpus().text))
        torch.manual_seed(self.recipe.seed)
        self.model = build_model(self.recipe.model).to(device)
        self.optimizers = make_optimizers(self.model, self.recipe)
        self.generator = torch.Generator().manual_seed(self.recipe.seed)
        self.step, self.elapsed = 0, 0.0
        self.tokens, self.busy = 0, 0.0  # trained on, and seconds it took, since the last logged row
        if run.resume_path.exists():
            self._restore()
        for name, rows in (("metrics", run.metrics()), ("samples", run.samples())):
            _rewrite(run.folder / f"{name}.jsonl", (row for row in rows if row["step"] < self.step))
        self.started = time.perf_counter() - self.elapsed
        self.snapshot_steps = set(snapshot_steps(self.recipe.steps, self.recipe.snapshots))

    def advance(self) -> dict[str, float]:
        """Take one optimizer step; returns what is worth logging of it."""
        recipe, began = self.recipe, time.perf_counter()
        lr = lr_at(self.step, recipe)
        x, y = draw_batch(self.train_ids, recipe.batch_size, recipe.model.block_size, self.generator)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=recipe.precision == "bfloat16"):
            loss = loss_of(self.model(x.to(self.device)), y.to(self.device))
        loss.backward()
        grad_norm = nn.utils.clip_grad_norm_(self.model.parameters(), recipe.grad_clip or math.inf)
        self._check_finite("loss", loss.item())
        self._check_finite("gradient", grad_norm.item())
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = lr
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        self.step += 1
        self.tokens, self.busy = self.tokens + x.numel(), self.busy + time.perf_counter() - began
        return {"train_loss": loss.item(), "lr": lr, "grad_norm": grad_norm.item()}

    def evaluate(self) -> float:
        """Estimated loss on the validation text."""
        loss = estimate_loss(self.model, self.val_ids, self.recipe)
        self._check_finite("validation loss", loss)
        return loss

    def _check_finite(self, what: str, value: float) -> None:
        if not math.isfinite(value):
            raise TrainingFailed(
                f"the {what} became {value} at step {self.step}; try a lower learning rate than {self.recipe.lr}"
            )

    def log(self, row: dict[str, Any]) -> None:
        """Complete a row of metrics with the speed since the last one and the time since the start, and write it."""
        if self.busy:
            row["tokens_per_s"] = self.tokens / self.busy
        row["elapsed"] = time.perf_counter() - self.started
        self.tokens, self.busy = 0, 0.0
        _append(self.run.folder / "metrics.jsonl", row)

    def snapshot(self) -> None:
        """Write all that resuming needs, then the weights and a sample of what they write.

        Raises ValueError, before anything is written, where the weights give no numbers any more.
        """
        sample = self._sample()
        self._save_state()
        kind = getattr(torch, self.recipe.snapshot_type)
        path = self.run.snapshot_path(self.step)
        write_tensors(path, {name: tensor.to(kind) for name, tensor in self.model.state_dict().items()})
        _append(self.run.folder / "samples.jsonl", {"step": self.step, **sample})

    def _sample(self) -> dict[str, Any]:
        self.model.eval()
        prompt = self.train_ids[:1]
        steps = generate(self.model, prompt.to(self.device), SAMPLE_TOKENS, seed=self.recipe.seed)
        text = self.run.tokenizer.decode([step.token for step in steps])
        self.model.train()
        return {"prompt": self.run.tokenizer.decode(prompt.tolist()), "seed": self.recipe.seed, "text": text}

    def _save_state(self) -> None:
        tensors = {f"model.{name}": tensor for name, tensor in self.model.state_dict().items()}
        for i, optimizer in enumerate(self.optimizers):
            for parameter, state in optimizer.state_dict()["state"].items():
                tensors |= {f"optimizer.{i}.{parameter}.{key}": value for key, value in state.items()}
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
        except (SafetensorError, OSError, KeyError, TypeError, ValueError, RuntimeError) as error:
            raise RunError(
                f"run {self.run.name!r}: its state to resume from is damaged ({error}); train it anew in another folder"
            ) from error

    def _load_state(self) -> None:
        with safe_open(self.run.resume_path, framework="pt") as file:
            self.step, self.elapsed = int(file.metadata()["step"]), float(file.metadata()["elapsed"])
            names = list(file.keys())
            for i, optimizer in enumerate(self.optimizers):
                state: dict[int, dict[str, Tensor]] = {}
                for name in names:
                    if name.startswith(f"optimizer.{i}."):
                        _, _, parameter, key = name.split(".")
                        state.setdefault(int(parameter), {})[key] = file.get_tensor(name)
                optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
            self.generator.set_state(file.get_tensor("rng.batches"))
            torch.set_rng_state(file.get_tensor("rng.torch"))
            if self.device.type == "cuda" and "rng.cuda" in names:
                torch.cuda.set_rng_state(file.get_tensor("rng.cuda"))


def train(run: Run, device: torch.device, on_row: Callable[[dict[str, Any]], None] = lambda row: None) -> None:
    """Train a run to its end, or until its `stop` file appears; goes on where it was left.

    on_row is called with each logged row. Raises RunError where another process trains it or it cannot go on, TrainingFailed
    where the loss is no number any more; what ends a training that had begun also stands in status.json.
    """
    try:
        with run.lock.acquire(timeout=2):
            if run.steps and not run.resume_path.exists():
                raise RunError(
                    f"run {run.name!r} has snapshots but no state to go on from; train anew in another folder"
                )
            _train_locked(run, device, on_row)
    except Timeout as error:
        raise RunError(f"run {run.name!r} is being trained by another process") from error


def _train_locked(run: Run, device: torch.device, on_row: Callable[[dict[str, Any]], None]) -> None:
    step = run.status.step
    try:
        run.set_status("running", step)
        trainer = Trainer(run, device)
        trainer.model.train()
        while True:
            step = trainer.step
            last = step >= run.recipe.steps
            asked_to_stop = run.stop_request.exists()
            if step in trainer.snapshot_steps or last or asked_to_stop:
                trainer.snapshot()
            if asked_to_stop and not last:
                run.stop_request.unlink(missing_ok=True)
                return run.set_status("stopped", step, "stopped on request; it can be resumed")
            row: dict[str, Any] = {"step": step}
            if step % run.recipe.eval_every == 0 or last:
                row["val_loss"] = trainer.evaluate()
            if not last:
                row |= trainer.advance()
            if "val_loss" in row or step % run.recipe.log_every == 0:
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
        run.set_status("failed", step, str(error))
        raise


def _wait_while_paused(run: Run, trainer: Trainer) -> None:
    if not run.pause_request.exists():
        return
    paused_at = time.perf_counter()
    run.set_status("paused", trainer.step)
    while run.pause_request.exists() and not run.stop_request.exists():
        time.sleep(PAUSE_POLL)
    trainer.started += time.perf_counter() - paused_at
    run.set_status("running", trainer.step)


def _append(path, row: dict[str, Any]) -> None:
    with path.open("a", encoding="utf-8") as lines:
        lines.write(json.dumps(row, ensure_ascii=False) + "\n")


def _rewrite(path, rows: Iterable[dict[str, Any]]) -> None:
    beside = path.with_name(path.name + ".new")
    beside.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    beside.replace(path)
