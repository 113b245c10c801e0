"""The command `attention-explorer`: the app, or with `train` the trainer."""

import os
import sys
from pathlib import Path

import click
from streamlit.web import cli as streamlit

from explorer.people.identity import CODE_FILE, teacher_code
from explorer.places import CLUSTER_VARIABLE, READ_ONLY_VARIABLE, RUNS_VARIABLE

APP = Path(__file__).with_name("app.py")
PASS_ON = {"ignore_unknown_options": True, "allow_interspersed_args": False}


@click.command(
    context_settings=PASS_ON,
    epilog="`attention-explorer train --preset quick` trains a model; `attention-explorer train --help` has the rest.",
)
@click.option("--runs", type=click.Path(path_type=Path), help=f"Folder of runs; default: ${RUNS_VARIABLE}, or ./runs.")
@click.option(
    "--code",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File with the teacher's code in its first line; for a server that other machines reach.",
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[train …] [OPTIONS OF STREAMLIT]")
def main(runs: Path | None, code: Path | None, arguments: tuple[str, ...]) -> None:
    """Open the app. Further options are those of `streamlit run`, such as --server.port 8600."""
    if arguments[:1] == ("train",):
        from gpt.train.__main__ import main as train  # imports torch, which the app does in the background

        sys.exit(train(list(arguments[1:])))
    adapt_to_space()
    os.environ[RUNS_VARIABLE] = str((runs or Path(os.environ.get(RUNS_VARIABLE) or "runs")).resolve())
    if code:
        os.environ[CODE_FILE] = str(code.resolve())
    try:
        teacher_code()
        if CLUSTER_VARIABLE in os.environ:
            from explorer.train.cluster import settings

            settings()
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    streamlit.main(["run", str(APP), *arguments])


def adapt_to_space() -> None:
    """Set what a Hugging Face Space needs and the environment leaves open: it only shows, in a frame of the Hub."""
    if host := os.environ.get("SPACE_HOST"):
        os.environ.setdefault(READ_ONLY_VARIABLE, "1")
        os.environ.setdefault("ATTENTION_EXPLORER_FRAMES", "https://huggingface.co")
        os.environ.setdefault("STREAMLIT_SERVER_ALLOWED_HOSTS", f"{host} localhost")
