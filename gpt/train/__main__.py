"""Train from the shell: `python -m gpt.train --preset rung-3 --run runs/mine`.

On several devices: `torchrun -m gpt.train …`.
"""

import argparse
import ast
import json
import os
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from gpt.train import ranks
from gpt.train.create import create_run
from gpt.train.estimate import estimate
from gpt.train.fork import fork_run
from gpt.train.loop import TrainingFailed, pick_device, train
from gpt.train.objectives import OPTIMIZATION
from gpt.train.optim import OPTIMIZERS
from gpt.train.presets import PRESETS
from gpt.train.run import Run, load_run

WriteRow = Callable[[dict[str, Any]], None]
RUNS_VARIABLE = "ATTENTION_EXPLORER_RUNS"  # where the app looks for runs
ROOT = Path(__file__).resolve().parents[2]
WAITING = "OMP_WAIT_POLICY"
PAYING = 10**10  # operations of a step for each thread, so that the threads wait little for each other
NEW_RUN = ("run", "text", "steps", "seed", "set")  # options of a new run


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    optimizers = "; ".join(f"{name}: {kind.about}" for name, kind in OPTIMIZERS.items())
    parser = argparse.ArgumentParser(
        prog="python -m gpt.train", description="Train a model into a run folder.", epilog=f"Optimizers: {optimizers}."
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--preset", choices=PRESETS, metavar="NAME", help=f"a recipe: {', '.join(PRESETS)}")
    what.add_argument("--resume", type=Path, metavar="DIR", help="go on with the run in this folder")
    what.add_argument("--fork", type=Path, metavar="DIR", help="begin a new run with the weights of this one")
    parser.add_argument("--at", type=int, metavar="STEP", help="the snapshot to fork (default: the newest)")
    parser.add_argument(
        "--run",
        "--folder",
        type=Path,
        metavar="DIR",
        help="the new run's folder (default: runs/NAME); with torchrun, write --folder",
    )
    parser.add_argument("--text", help="a corpus's name, or a text file (default: the preset's)")
    parser.add_argument(
        "--steps", type=int, help="how many steps (default: the preset's); a fork counts its parent's in"
    )
    parser.add_argument("--seed", type=int, help="of weights and batches (default: the preset's)")
    parser.add_argument(
        "--set",
        type=_switch,
        action="append",
        metavar="SWITCH=VALUE",
        help="any other switch: lr=0.0003, dropout=0.1, causal=false, optimizer=muon (see below)",
    )
    parser.add_argument("--device", choices=["auto", "cpu", "cuda", "mps"], default="auto")
    parser.add_argument(
        "--threads", type=int, default=1, help="CPU threads at most; a small model trains faster on one (default: 1)"
    )
    parser.add_argument(
        "--accumulate",
        type=int,
        default=1,
        metavar="N",
        help="take each batch in N parts, where it is larger than memory",
    )
    parser.add_argument(
        "--tensorboard", action="store_true", help="also write the curves for TensorBoard, into tensorboard/ of the run"
    )
    options = parser.parse_args(arguments)
    if options.resume and any(getattr(options, name) is not None for name in NEW_RUN):
        parser.error("--resume cannot change the run: leave out --run, --text, --steps, --seed and --set")
    if options.at is not None and not options.fork:
        parser.error("--at is the snapshot that --fork begins with; give both")
    if options.fork and not options.run:
        parser.error("--fork makes a new run: give its folder with --run")
    for name in ("threads", "accumulate"):
        if getattr(options, name) < 1:
            parser.error(f"--{name} {getattr(options, name)}: give at least 1")
    return options


def open_run(options: argparse.Namespace, world_size: int) -> Run:
    """Open or create the run of the command line. Raises ValueError where so many processes cannot train it.

    A command that torchrun or Slurm has started again goes on with its run.
    """
    if options.resume or (ranks.is_restart() and (folder_of(options) / "config.json").is_file()):
        return load_run(folder_of(options))
    changes = dict(options.set or ())
    changes |= {
        name: getattr(options, name) for name in ("text", "steps", "seed") if getattr(options, name) is not None
    }
    parts = world_size * options.accumulate
    parent = load_run(options.fork) if options.fork else None
    recipe = (parent.recipe if parent else PRESETS[options.preset]).changed(**changes)
    ranks.check_parts(recipe, world_size, options.accumulate)
    if parent:
        return fork_run(parent, options.at, options.run, parts=parts, **changes)
    return create_run(folder_of(options), recipe, parts=parts)


def folder_of(options: argparse.Namespace) -> Path:
    """Return the run folder of the command line."""
    return options.resume or options.run or Path("runs") / options.preset


def wait_passively(threads: int, arguments: list[str]) -> None:
    """Start this process again with threads that sleep while they wait, where there are several.

    Threads that spin take the time that other processes need: beside one busy process, rung 6 took 79 steps a second
    with two that spin, 230 with two that sleep, 272 with one. OpenMP reads its setting when torch is imported.
    """
    if threads > 1 and WAITING not in os.environ and sys.platform != "win32":
        paths = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
        environment = os.environ | {WAITING: "PASSIVE", "PYTHONPATH": paths}
        os.execve(sys.executable, [sys.executable, "-m", "gpt.train", *arguments], environment)


def choose_threads(most: int, flops: int) -> tuple[int, str]:
    """Return how many threads train a step of so many operations, at most `most`, and say so in words.

    Many small operations make threads wait for each other, so that two are slower than one.
    """
    threads = max(1, min(most, flops // PAYING))
    words = "1 thread" if threads == 1 else f"{threads} threads that sleep while they wait"
    return threads, words if threads == most else f"{words} ({most} are slower at this size)"


def print_app_hint(run: Run) -> None:
    """Print how the app finds a run outside of the folder that it lists."""
    listed = Path(os.environ.get(RUNS_VARIABLE) or "runs").resolve()
    where = run.folder.resolve().parent
    if where != listed:
        print(
            f"the app lists the runs in {listed}; to see this one, start it with {RUNS_VARIABLE}={where}",
            file=sys.stderr,
        )


@contextmanager
def ticking(bar: "tqdm[Any]") -> Generator[None]:
    """Redraw the bar each second, so that its clock runs while a large model is built or evaluated."""
    ended = threading.Event()

    def tick() -> None:
        while not ended.wait(1):
            bar.refresh()

    thread = threading.Thread(target=tick, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def follow(run: Run, device: torch.device, mine: ranks.Ranks, options: argparse.Namespace) -> dict[str, str]:
    """Train a run and show its progress. Returns the last numbers: label of a metric → number."""
    shown = [metric for metric in run.objective.metrics if metric not in OPTIMIZATION]
    numbers: dict[str, str] = {}

    def show(row: dict[str, Any]) -> None:
        numbers.update({metric.name: f"{row[metric.name]:.4f}" for metric in shown if metric.name in row})
        bar.set_postfix(numbers, refresh=False)
        bar.update(row["step"] - bar.n)
        if write:
            write(row)

    hidden: dict[str, Any] = {} if mine.is_first else {"disable": True}
    events: AbstractContextManager[WriteRow | None] = nullcontext()
    if options.tensorboard and mine.is_first:
        from gpt.train.tensorboard import event_log  # takes a second, so only where it is asked for

        events = event_log(run)
    with tqdm(total=run.recipe.steps, desc=run.name, unit="step", **hidden) as bar, ticking(bar), events as write:
        train(run, mine.device or device, show, mine, options.accumulate)
    return {metric.label: numbers[metric.name] for metric in shown if metric.name in numbers.keys() - {"train_loss"}}


def main(arguments: list[str] | None = None) -> int:
    """Train as the command line says. Returns the exit code. arguments: those of the command; None: this process's."""
    options = parse(arguments)
    wait_passively(options.threads, sys.argv[1:] if arguments is None else arguments)
    run, mine = None, ranks.Ranks()
    try:
        device = pick_device(options.device)
        mine = ranks.join(device)
        run = open_run(options, mine.world_size) if mine.is_first else None
        mine.agree()
        run = run or load_run(folder_of(options))
        if mine.is_first and not options.resume:
            print_app_hint(run)
        needs = estimate(run.recipe, mine.world_size * options.accumulate, device.type)
        threads, words = choose_threads(options.threads, needs.flops)
        torch.set_num_threads(threads)
        if mine.is_first:
            print(f"{run.name}: {needs}; {words}", file=sys.stderr)
        numbers = follow(run, device, mine, options)
    except (ValueError, OSError, TrainingFailed, ranks.PeerLost) as error:
        if mine.is_first:
            print(f"error: {error}", file=sys.stderr)
        return 1
    except (KeyboardInterrupt, SystemExit) as end:
        print(f"stopped; go on with: python -m gpt.train --resume {run.folder}" if run else "stopped", file=sys.stderr)
        return int(end.code or 0) if isinstance(end, SystemExit) else 130
    finally:
        ranks.leave(mine)
    if mine.is_first:
        status = f"{run.folder}: {run.status.state} at step {run.status.step}"
        print(status, *(f"{label} {number}" for label, number in numbers.items()), sep=", ")
    return 0


def _switch(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text!r}: write SWITCH=VALUE, as in lr=0.0003")
    for read in (json.loads, ast.literal_eval):  # false and False, null and None
        with suppress(ValueError, SyntaxError):
            return name, read(value)
    return name, value


if __name__ == "__main__":
    sys.exit(main())
