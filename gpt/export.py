"""Write a run as a Hugging Face folder from the shell: `python -m gpt.export runs/mine exported/mine`."""

import argparse
import signal
import sys
from pathlib import Path
from types import FrameType

from tqdm import tqdm

from gpt.checkpoints import export_pretrained
from gpt.train.run import load_run


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m gpt.export", description="Write a run as a Hugging Face folder, which transformers opens."
    )
    parser.add_argument("run", type=Path, metavar="RUN", help="the run's folder, such as runs/mine")
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="the new folder")
    parser.add_argument("--at", type=int, metavar="STEP", help="the snapshot to write (default: the newest)")
    return parser.parse_args(arguments)


def main() -> int:
    options = parse()
    with tqdm(unit="B", unit_scale=True, leave=False, delay=1) as bar:

        def show(done: int, total: int, what: str) -> None:
            bar.total = total
            bar.set_description(what, refresh=False)
            bar.update(done - bar.n)

        try:
            export_pretrained(load_run(options.run), options.folder, step=options.at, progress=show)
        except (ValueError, OSError) as error:
            problem = str(error)
        except KeyboardInterrupt:
            problem = "stopped; nothing was written"
        else:
            problem = ""
    if problem:
        print(f"error: {problem}", file=sys.stderr)
        return 1
    print(f"{options.folder} is written; README.md in it says how to open it")
    return 0


def _end(number: int, frame: FrameType | None) -> None:
    """End the process so that the half-written folder is removed."""
    sys.exit(128 + number)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _end)
    sys.exit(main())
