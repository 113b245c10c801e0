"""What a person hands to a notebook function: a run, a checkpoint, or a model with its tokenizer."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Union, cast

from explorer.places import SHIPPED, runs_folder
from explorer.shared import examples
from explorer.shared.prompt import Reading, read_prompt

if TYPE_CHECKING:
    from gpt import GPT, Bigram, GPTConfig, Run
    from gpt.checkpoints import Pretrained
    from gpt.text.tokenizer import Tokenizer

Source = Union[str, Path, "Run", "Pretrained", "GPT", "Bigram"]


@dataclass(frozen=True)
class Subject:
    """A model with its tokenizer."""

    model: "GPT | Bigram"
    tokenizer: "Tokenizer"
    label: str
    examples: tuple[str, ...]  # prompts that suit the model

    @property
    def config(self) -> "GPTConfig":
        return self.model.config

    def read(self, prompt: str | None) -> Reading:
        """Return the prompt as the model reads it. None: an example. Raises ValueError for an empty prompt."""
        reading = read_prompt(self, self.examples[0] if prompt is None else prompt)
        if not reading.ids:
            raise ValueError("the prompt is empty; write at least one character")
        return reading


def open_subject(source: Source, tokenizer: "Tokenizer | None" = None, step: int | None = None) -> Subject:
    """Open a source. step: the snapshot of a run (None: the newest). Raises ValueError where it cannot be opened."""
    from explorer.train.timetravel.film import model_at
    from gpt import GPT, Bigram, Run, load_pretrained
    from gpt.checkpoints import Pretrained

    run = find_run(source) if isinstance(source, str | Path) else source
    if isinstance(run, Run):
        return Subject(model_at(run, step), run.tokenizer, run.label, tuple(examples.of_folder(run.folder).values()))
    if step is not None:
        raise ValueError(f"step={step} names a snapshot of a run, and this source is no run; leave it out")
    if isinstance(source, str | Path):
        source = load_pretrained(source)
    real = tuple(examples.REAL.values())
    if isinstance(source, Pretrained):
        tokenizer = tokenizer or cast("Tokenizer | None", source.tokenizer)
        return Subject(source.model, _needed(tokenizer), source.name, real)
    if isinstance(source, GPT | Bigram):
        if source.training:
            raise ValueError("the model is in training mode, with dropout; call model.eval() first")
        return Subject(source, _needed(tokenizer), "model", real)
    raise ValueError(
        f"{type(source).__name__} cannot be opened; give a run, its folder or name, what gpt.load_pretrained returns, "
        "or a GPT with tokenizer=…; for a model from elsewhere give patterns=… and tokens=… to show_attention"
    )


def _needed(tokenizer: "Tokenizer | None") -> "Tokenizer":
    if tokenizer is None:
        raise ValueError("this model comes without a tokenizer; give tokenizer=…")
    return tokenizer


def find_run(source: "str | Path | Run") -> "Run | None":
    """Return the run of a folder, of the name of a shipped run, or of "runs/<name>"; None where it is no run.

    Raises ValueError where the run is damaged, or nothing of this name exists.
    """
    from gpt import Run, load_run
    from gpt.train.files import read_json

    if isinstance(source, Run):
        return source
    name = str(source)
    folders = [Path(source), SHIPPED / name, runs_folder() / name.removeprefix("runs/")]
    for folder in folders if name else ():
        config = folder / "config.json"
        if config.is_file():  # that of a Hugging Face folder has no recipe
            return load_run(folder) if "recipe" in read_json(config) else None
    if "/" in name or Path(source).exists() or name == "smollm2":
        return None
    shipped = ", ".join(sorted(folder.name for folder in SHIPPED.iterdir()))
    raise ValueError(f"there is no run {name!r}; these ship: {shipped}. Or give a folder, a .gguf file, or a Hub id")


def open_run(source: "str | Path | Run") -> "Run":
    """Return the run of a source. Raises ValueError where it is no run."""
    run = find_run(source)
    if run is None:
        raise ValueError(f"{str(source)!r} is no run of this app, so it has no snapshots and no curves; give a run")
    return run
