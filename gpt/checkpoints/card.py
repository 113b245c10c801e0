"""The model card of an exported model: README.md of its folder."""

import html
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from gpt.model.config import GPTConfig
from gpt.text.corpus import CORPORA
from gpt.train.estimate import count_parameters
from gpt.train.files import write_text
from gpt.train.objectives import OPTIMIZATION
from gpt.train.run import Run

MARKS = re.compile(r"([\\`*_\[\]{}|~$]|:(?=//))")  # what Markdown would read as more than text
LONGEST = 300  # characters of a value
HEAD = """---
library_name: transformers
pipeline_tag: text-generation
---

# {title}

{about} It was trained with Attention Explorer, and is written as {family}.
"""
OPEN = """
## Open it

In this folder:

```python
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

model = AutoModelForCausalLM.from_pretrained(".")
ids = model.generate(torch.zeros((1, 1), dtype=torch.long), max_new_tokens={length}, do_sample=True)  # from token 0
print(AutoTokenizer.from_pretrained(".").decode(ids[0]))
```

`gpt.load_pretrained(".")` opens it too. Its context is {block_size} tokens long.
"""


def write_card(folder: Path, title: str, family: str, config: GPTConfig, run: Run | None, step: int) -> None:
    """Write README.md: what the model is, its text, losses, parent and recipe, and how to open it.

    family: for people. run: the model's run, if it is known; step: its snapshot. Names and titles may be anybody's:
    none of their characters is read as HTML or Markdown.
    """
    parameters = f"A Transformer of {count_parameters(config):,} parameters."
    card = HEAD.format(title=plain(run.label if run else title), about=parameters, family=family)
    if run:
        card += _table("Training", _training(run, step))
    card += _table("Model", config.to_dict().items())
    if run:
        recipe = run.recipe.to_dict()
        card += _table("Recipe", ((name, recipe[name]) for name in recipe if name not in ("about", "model")))
    length = max(1, min(100, config.block_size - 1))
    write_text(folder / "README.md", card + OPEN.format(length=length, block_size=config.block_size))


def plain(text: Any) -> str:
    """Write a value on one line, so that Markdown shows each character as it is.

    >>> plain("<b>a|b</b>")
    '&lt;b&gt;a\\\\|b&lt;/b&gt;'
    """
    shown = " ".join(str(text)[:LONGEST].split())
    return html.escape(MARKS.sub(r"\\\1", shown), quote=False)


def _training(run: Run, step: int) -> Iterable[tuple[str, Any]]:
    """Yield what is known of the training up to this step, for people."""
    text = run.recipe.text
    yield "text", f"{text}. {CORPORA[text]}" if text in CORPORA else text
    yield "tokens", f"{run.tokenizer.vocab_size:,}, {run.recipe.tokenizer}"
    yield "step", f"{step:,} of {run.recipe.steps:,}"
    if run.parent:
        yield "parent", f"{run.parent.run}, step {run.parent.step:,}"
    rows = [row for row in run.metrics() if row["step"] <= step]
    for metric in run.objective.metrics:
        numbers = [row[metric.name] for row in rows if isinstance(row.get(metric.name), int | float)]
        if numbers and metric not in OPTIMIZATION:
            yield metric.title, f"{numbers[-1]:.4g}"


def _table(title: str, rows: Iterable[tuple[str, Any]]) -> str:
    lines = "\n".join(f"| {name} | {plain(value)} |" for name, value in rows if value not in (None, ""))
    return f"\n## {title}\n\n| | |\n|---|---|\n{lines}\n"
