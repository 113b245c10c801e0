"""Train from the shell: `python -m gpt.train --preset rung-3 --run runs/mine`."""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import torch
from tqdm import tqdm

from gpt.train.loop import TrainingFailed, pick_device, train
from gpt.train.presets import PRESETS
from gpt.train.run import Run, create_run, load_run


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m gpt.train", description="Train a model into a run folder.")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--preset", choices=PRESETS, metavar="NAME", help=f"a recipe: {', '.join(PRESETS)}")
    what.add_argument("--resume", type=Path, metavar="DIR", help="go on with the run in this folder")
    parser.add_argument("--run", type=Path, metavar="DIR", help="the new run's folder (default: runs/NAME)")
    parser.add_argument("--text", help="a corpus's name, or a text file (default: the preset's)")
    parser.add_argument("--steps", type=int, help="how many steps (default: the preset's)")
    parser.add_argument("--seed", type=int, help="of weights and batches (default: the preset's)")
    parser.add_argument("--device", choices=["auto", "cpu", "cuda", "mps"], default="auto")
    parser.add_argument(
        "--threads", type=int, default=1, help="CPU threads; more pay for larger models on a quiet machine (default: 1)"
    )
    options = parser.parse_args(arguments)
    if options.resume and any(value is not None for value in (options.run, options.text, options.steps, options.seed)):
        parser.error("--resume goes on with the run as it was made: leave out --run, --text, --steps and --seed")
    if options.threads < 1:
        parser.error(f"--threads {options.threads}: give at least 1")
    return options


def open_run(options: argparse.Namespace) -> Run:
    """The run that the command line asks for, made where it is new."""
    if options.resume:
        return load_run(options.resume)
    given = {name: getattr(options, name) for name in ("text", "steps", "seed") if getattr(options, name) is not None}
    return create_run(options.run or Path("runs") / options.preset, replace(PRESETS[options.preset], **given))


def main() -> int:
    options = parse()
    torch.set_num_threads(options.threads)
    run = None
    try:
        device = pick_device(options.device)
        run = open_run(options)
        with tqdm(total=run.recipe.steps, desc=run.name, unit="step") as bar:
            losses: dict[str, str] = {}

            def show(row: dict) -> None:
                losses.update({key: f"{row[key]:.4f}" for key in ("train_loss", "val_loss") if key in row})
                bar.set_postfix(losses, refresh=False)
                bar.update(row["step"] - bar.n)

            train(run, device, show)
    except (ValueError, OSError, TrainingFailed) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"stopped; go on with: python -m gpt.train --resume {run.folder}" if run else "stopped", file=sys.stderr)
        return 130
    print(
        f"{run.folder}: {run.status.state} at step {run.status.step}",
        f"val loss {losses.get('val_loss', 'not measured')}",
        sep=", ",
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
