"""What the numbers are recomputed from: the lecture's pages on positions and from several heads to scaling up."""

import math
from collections.abc import Iterator
from itertools import combinations

import torch

from gpt import GPT, PRESETS, GPTConfig, build_model, lecture
from gpt.lens.heads import pattern_distances
from gpt.lens.learning import gradient_norms
from gpt.text.batches import split_ids
from gpt.train.presets import PUBLISHED
from tests.explorer.lecture.claims import ROUNDING, Claim, claim
from tests.explorer.lecture.claims_first import TEXT, TOKENIZER

LADDER = {1: 2.5, 2: 2.4, 3: 2.28, 4: 2.24, 5: 2.08, 6: 2.06, 7: 1.48}  # as the lecture shows them, 0:34:53 to 1:37:49
assert all(PUBLISHED[f"rung-{rung}"].loss == loss for rung, loss in LADDER.items())
CAPTION = (
    "The gradient of the loss on {} rows of validation text. Without residual path and norm, the first of {} blocks "
    "gets {} × less "
    "than the last."
)


def held_out(rows: int, length: int) -> torch.Tensor:
    _, ids = split_ids(TOKENIZER.encode(TEXT))
    return ids[: rows * (length + 1)].view(rows, length + 1)


def fresh(recipe) -> GPT:
    torch.manual_seed(recipe.seed)
    return build_model(recipe.changed(vocab_size=65).model).eval().requires_grad_(False)


def positions(model: GPT, positions: dict, measured: dict) -> Iterator[Claim]:
    """positions: label → recipe; measured: label → loss."""
    recipe = positions["none"]
    yield claim("any two of {} positions", model.config.block_size)
    yield claim(
        "{} models of {} blocks differ only in their positions. Each trains {} steps on contexts of {} characters. "
        "Sinusoids have an amplitude of {}, or of {}",
        len(positions), recipe.model.n_layer, recipe.steps, recipe.model.block_size,
        *(fresh(positions[label]).pos_embed.max() for label in ("sinusoidal", "sinusoidal, small")),
    )  # fmt: skip
    yield claim(
        f"the mean of {{}} seeds: {', '.join(f'{label} {{}}' for label in measured)}. Small", 3, *measured.values()
    )
    yield claim("token t reads from t + {} tokens", 1)
    yield claim(f"not trained yet · {recipe.steps:,} steps")


def multihead(model: GPT, prompt: str, recipe) -> Iterator[Claim]:
    """recipe: of the model with one head."""
    yield claim("{} tokens.", len(prompt))
    yield from _heads(model, prompt)
    yield claim("This model reads {}", recipe.model.block_size)
    yield claim("{} steps of {} chunks", recipe.steps, recipe.batch_size)
    yield claim("not trained yet · {} steps", recipe.steps)


def block(bare: dict) -> Iterator[Claim]:
    """bare: label → recipe of 8 blocks."""
    yield claim("In the lecture rung {} reaches {} nats a character and rung {} {}.", 2, LADDER[2], 3, LADDER[3])
    yield claim("choose {} and {}", 3, 4)
    yield claim(
        "rung {} of the ladder has no feedforward layer and reaches a loss of {} nats a character. What does rung {} "
        "reach",
        3,
        LADDER[3],
        4,
    )
    yield claim("Rung {} reaches", 4)
    yield claim("Rung {}: Four heads of size {} = {}", 3, 8, LADDER[3])
    yield claim("Rung {}: and a feedforward layer = {}", 4, LADDER[4])
    yield claim("after {} steps each", PRESETS["rung-3"].steps)
    yield from _gradients(bare)
    yield claim(
        "Rung {}: four heads of size {}. {} steps each, {*} which takes {}", 3, 8, 1000, PRESETS["rung-3"].steps
    )
    yield claim("not trained yet · 1,000 steps")
    yield from (claim(f"rung {rung} · ") for rung in (2, 3))


def norms(recipe) -> Iterator[Claim]:
    """recipe: of a norm's model."""
    yield claim("Rows have mean {} and variance {} now (largest |mean| {})", 0, 1, ROUNDING)
    yield claim("Columns have mean {} and variance {} now (largest |mean| {})", 0, 1, ROUNDING)
    yield claim("activations: {} examples of {} features", 6, 4)
    yield from _running_means()
    yield claim("Rung {} of the ladder twice, {} steps each", 6, recipe.steps)
    yield claim(f"not trained yet · {recipe.steps:,} steps")
    yield claim("The loss on the same {} rows of validation text", 64)


def asked_again(recipe, steps: int, every: int, batches: int) -> Iterator[Claim]:
    """What a page says of a run that was trained shorter than it would be now."""
    yield claim(
        "eval_batches {} (asked for now: {}), eval_every {} (asked for now: {}), steps {} (asked for now: {})",
        batches, recipe.eval_batches, every, recipe.eval_every, steps, recipe.steps,
    )  # fmt: skip


def _heads(model: GPT, prompt: str) -> Iterator[Claim]:
    _, cache = model.run_with_cache(torch.tensor([TOKENIZER.encode(prompt)]))
    apart = pattern_distances(cache["pattern", 0][0])
    pairs = sorted(combinations(range(len(apart)), 2), key=lambda pair: float(apart[pair]))
    (first, second), (third, fourth) = pairs[-1], pairs[0]
    yield claim(
        "{}: two heads read alike; {}: they read no token in common. In layer {}, heads {} and {} ({}) differ most, "
        "and {} and {} ({}) least.",
        0, 1, 0, first, second, apart[first, second], third, fourth, apart[third, fourth],
    )  # fmt: skip


def _gradients(bare: dict) -> Iterator[Claim]:
    depth = next(iter(bare.values())).model.n_layer
    found = {label: gradient_norms(fresh(recipe), held_out(8, 16)) for label, recipe in bare.items()}
    shares = {label: float(norms[0] / norms[-1]) for label, norms in found.items()}
    assert (
        0.1 < shares["no residual, layernorm"] < 10 and 0.1 < shares["residual, layernorm"] < 10
    )  # both roads are flat
    yield claim("model of {} blocks without residual connections", depth)
    yield claim(CAPTION, 8, depth, 1 / shares["no residual, no norm"])
    others = {label: share for label, share in shares.items() if label != "no residual, no norm"}
    yield claim(", ".join(f"{{}} × with “{label}”" for label in others), *others.values())


def _running_means() -> Iterator[Claim]:
    """BatchNorm's running means after 5 batches of mean 1 and deviation 2, by hand."""
    generator, running = torch.Generator().manual_seed(0), torch.zeros(4)
    variance = torch.ones(4)
    for _ in range(5):
        batch = torch.randn(1, 6, 4, generator=generator)[0] * 2 + 1
        running, variance = 0.9 * running + 0.1 * batch.mean(0), 0.9 * variance + 0.1 * batch.var(0)
    x = (2 * torch.randn(6, 4, generator=torch.Generator().manual_seed(7)) + 1).round(decimals=1)
    gap = (lecture.normalised(x, "batch") - (x - running) / (variance + 1e-5).sqrt()).abs().max()
    yield claim(
        "After {} batches its running means are {}, {}, {}, {} (the features' true mean is {}, their standard "
        "deviation {}). "
        "On your activations, its outputs in training and in use differ by up to {}", 5, *running.tolist(), 1, 2, gap,
    )  # fmt: skip


def _bytes(name: str, count: int) -> Claim:
    return (
        claim(f"{name} = {{}} MB", count / 1e6) if count >= 1e6 else claim(f"{name} = {{}} KB", math.ceil(count / 1e3))
    )


def scaling(recipe, characters: int, rung: int) -> Iterator[Claim]:
    """recipe: of a model without dropout; characters: of its text."""
    x = torch.ones(100_000)
    kept = torch.nn.Dropout(0.2)(x).unique()  # 0, and what remains divided
    times = recipe.steps * recipe.batch_size * recipe.model.block_size / len(split_ids(torch.arange(characters))[0])
    yield claim(
        "first {} characters of the text. In {} steps it reads them about {} times", characters, recipe.steps, times
    )
    yield claim(
        "a random {}% of the activations to zero at each step, and divides the others by {} − {} = {}",
        20,
        1,
        0.2,
        1 / kept[1],
    )
    yield claim("not trained yet · {} steps", recipe.steps)
    yield claim("dropout {} · ", 0.2)
    preset, (size, base) = (
        PRESETS[f"rung-{rung}"],
        (_parameters(PRESETS[name].model) for name in (f"rung-{rung}", "rung-6")),
    )
    shape, below = preset.model, PRESETS["rung-6"]
    tokens = preset.batch_size * shape.block_size
    work, work_below = (
        6 * size * tokens * preset.steps,
        6 * base * below.batch_size * below.model.block_size * below.steps,
    )
    if rung == 7:
        assert size == 10_788_929  # lecture 1:37:49
    yield claim("Parameters = {}", size)
    yield _bytes("Weights, gradients, AdamW", 4 * 4 * size)
    yield claim("Tokens in a batch = {}", tokens)
    yield _bytes(
        "Attention patterns of a batch", 4 * shape.n_layer * shape.n_head * preset.batch_size * shape.block_size**2
    )
    yield claim("{} numbers a parameter, {} bytes each", 4, 4)
    yield claim("One weight of {} bytes for each pair of tokens, head and layer", 4)
    yield claim(
        "n_layer {}, n_head {}, n_embd {}, block_size {}, dropout {}. About {} operations a parameter and token: {} "
        "in {} steps, "
        "{} times rung {}. {*} the lecture's rung {} took {} minutes on an A100",
        shape.n_layer, shape.n_head, shape.n_embd, shape.block_size, shape.dropout, 6, work, preset.steps,
        work / work_below, 6, 7, 15,
    )  # fmt: skip


def _parameters(config: GPTConfig) -> int:
    with torch.device("meta"):
        return build_model(config).n_params
