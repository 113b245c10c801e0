"""What GPT-2's size costs on 256 tokens: 12 layers of 12 heads, 768 features, 50,257 tokens, random weights."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from gpt import GPT, Corpus, GPTConfig, Recipe, create_run

ROOT = Path(__file__).parents[2]
SHAPE = GPTConfig(
    block_size=1024, n_layer=12, n_head=12, n_embd=768, activation="gelu", bias=True, tie_weights=True
)  # fmt: skip
SCRIPT = """
import json, resource, time
from explorer.explore.logits.lens import attribute, logit_lens
from explorer.explore.residual import lens
from explorer.opened import open_model
from explorer.shared import patterns
ref, ids = "runs/large", tuple(range(256))
looks = {
    "patterns": lambda: patterns.attention(opened, ids),
    "residual stream": lambda: lens.stream(opened, ids),
    "layernorms": lambda: lens.layernorms(opened, ids),
    "logit lens, 20 positions": lambda: logit_lens(opened, ids, slice(236, 256)),
    "logit lens, all positions": lambda: logit_lens(opened, ids, slice(0, 256)),
    "attribution": lambda: attribute(opened, ids, 1, None, 255),
}
opened = open_model(ref)
_ = opened.model
rows = []
for name, look in looks.items():
    started = time.perf_counter()
    look()
    rows.append((name, time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6))
print(json.dumps(rows))
"""


@pytest.mark.bench
@pytest.mark.timeout(900)
def test_every_lens_within_two_gigabytes(tmp_path, report):
    letters = "".join(chr(code) for code in range(32, 52_000) if not 0xD800 <= code < 0xE000)[:50_257]
    recipe = Recipe(model=SHAPE, text="own", batch_size=1)  # it is not trained; a larger batch may need too much memory
    run = create_run(tmp_path / "large", recipe, Corpus("own", letters, "made for a benchmark"))
    torch.manual_seed(0)
    save_file({name: value.clone() for name, value in GPT(run.recipe.model).state_dict().items()}, run.snapshot_path(0))
    environment = os.environ | {"ATTENTION_EXPLORER_RUNS": str(tmp_path), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", SCRIPT]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=True)
    rows = json.loads(done.stdout.splitlines()[-1])
    for name, seconds, peak in rows:
        report(f"GPT-2's size, 256 tokens: {name}", f"{seconds:.1f} s, peak {peak:.2f} GB", "", None, "< 2 GB")
    assert rows[-1][2] < 2.0
