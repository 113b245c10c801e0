"""What the numbers are recomputed from: the lecture's pages from the notes on attention to the conclusions."""

import math
from collections.abc import Iterator
from itertools import combinations

import torch

from gpt import GPT, PRESETS, GPTConfig, build_model, lecture, load_run, loss_of
from gpt.lens.heads import pattern_distances
from gpt.lens.learning import attention_statistics, gradient_norms
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


def messages(model: GPT, prompt: str, layer: int, head: int, at: int) -> list[Claim]:
    """Note 1."""
    ids = torch.tensor(TOKENIZER.encode(prompt)[-12:])
    _, cache = model.run_with_cache(ids[None])
    weights, v = cache["pattern", layer][0, head], cache["v", layer][0, :, head]
    *_, total = list(lecture.message_steps(weights, v))[at]
    assert torch.allclose(total, cache["z", layer][0, at, head], atol=1e-5)
    return [
        claim("{} tokens.", len(prompt)),
        claim("the prompt's last {} tokens", len(ids)),
        claim("step {} of {}", at, len(ids) - 1),
        claim("messages to {} ", at),
        claim(f"{{}} {prompt[-12:][at].replace(' ', '·')} gathers", at),
        claim(
            "{} message{*}, {} features each. The weights sum to {}. The sum of the messages and the model's own "
            "output differ by "
            "at most {}.", at + 1, v.size(1), weights[at].sum(), ROUNDING,
        ),
    ]  # fmt: skip


def notes(model: GPT, recipes: dict, twins: dict, causal: bool, memory: bool) -> Iterator[Claim]:
    """Notes 2 to 6. recipes: of note 4's trainings; twins: head size → the two recipes; memory: whether x looks at
    y.
    """
    idx = torch.tensor([ord(letter) for letter in "attention"])
    order = torch.randperm(9, generator=torch.Generator().manual_seed(1))
    torch.manual_seed(0)
    blind = GPT(
        GPTConfig(vocab_size=128, block_size=16, n_layer=2, n_head=2, n_embd=16, positions="none", causal=False)
    )
    assert lecture.permutation_difference(blind.double().eval(), idx, order).max() < 1e-12
    yield claim("in {} small untrained models", 4)
    yield claim("(largest difference {}: rounding)", ROUNDING)
    rows = ("to be or not", "that is the", "question, say")
    batch = torch.tensor([TOKENIZER.encode(row[: min(map(len, rows))]) for row in rows])
    felt = lecture.edit_effects(lecture.with_mask(model, causal), batch, 1, 5, TOKENIZER.encode("z")[0])
    losses = [loss_of(lecture.with_mask(model, each)(batch)[:, :-1], batch[:, 1:]).item() for each in (True, False)]
    yield claim(
        "in the other rows {}, before the edit {}. Loss on these rows with the mask {}, without it {} nats",
        felt[[0, 2]].max(), felt[1, :5].max(), *losses,
    )  # fmt: skip
    yield claim("Notes {} and {}", 3, 4)
    decoder = next(iter(recipes.values()))
    yield claim("The same model of {} blocks twice, {} steps each", decoder.model.n_layer, decoder.steps)
    yield claim("not trained yet · {} steps", decoder.steps)
    yield claim("the last of the {} tokens", decoder.model.block_size)
    yield claim("x, {} tokens of the decoder", 4)
    yield claim("y, {} tokens of the encoder", 6)
    yield claim(f"weights, {{}} × {{}}: {'rectangular' if memory else 'square'}", 4, 6 if memory else 4)
    yield claim("Each row of weights sums to {} (largest difference {})", lambda: _crossing(memory))
    translator = load_run("assets/models/translate")
    assert translator.recipe.model.n_layer == 1
    yield claim(
        "{} steps of its decoder down, {} characters of the source across", 11, len("twenty-third of march, 1984")
    )
    yield from _saturation()
    yield from _twins(twins)


def _crossing(memory: bool) -> tuple[float, object]:
    generator = torch.Generator().manual_seed(1337)
    matrices = lecture.random_matrices(4, 4, generator)
    x, y = (torch.randn(length, 4, generator=generator).round(decimals=1) for length in (4, 6))
    sums = lecture.one_head(x, *matrices, memory=y if memory else None).weights.sum(1)
    assert torch.allclose(sums, torch.ones(4))
    return 1, ROUNDING


def _saturation() -> Iterator[Claim]:
    found = lecture.saturation((4, 8, 16, 32, 64, 128), 32)
    yield claim("Queries and keys here are random numbers of variance {}.", 1)
    yield claim(
        "At size {} the largest weight is {} without the scale and {} with it, averaged over {} rows",
        128, found.largest[-1], found.scaled_largest[-1], 32,
    )  # fmt: skip
    for name, variance in (("q · k / √16", 1.0918), ("q · k", 17.4690), ("q", 1.0700), ("k", 1.0449)):
        yield claim(f"{name} = {{}}", variance)  # lecture 1:16:56
    yield claim("products, at head size {}", 16)
    scores = torch.tensor([0.1, -0.2, 0.3, -0.2, 0.5])
    numbers = []
    for label, row in (("scores", scores), ("scores × 8", 8 * scores)):
        weights = row.softmax(-1)
        p = float(weights.max())
        slopes = torch.autograd.functional.jacobian(lambda s: s.softmax(-1), row)  # by another road than the page
        numbers += [p, 1 - p, float(slopes.diagonal().max())]
        yield claim(f"{label}: the weights are {', '.join(5 * ['{}'])}", *weights.tolist())
    yield claim("row of {} scores, and the same row times {}. {*} is p ({} − p)", 5, 8, 1)
    yield claim("slope is {} × {} ≈ {}; times {} it is {} × {} ≈ {}", *numbers[:3], 8, *numbers[3:])
    yield claim(
        "Averaged over the {} rows above, the largest weight's slope is {} without the scale and {} with it. A slope "
        "is at most {}/{}",
        32, found.slope[-1], found.scaled_slope[-1], 1, 4,
    )  # fmt: skip


def _twins(twins: dict) -> Iterator[Claim]:
    size = max(twins)
    scaled, without = (attention_statistics(fresh(recipe), held_out(16, 32)) for recipe in twins[size])
    larger = without.q_gradient / scaled.q_gradient
    yield claim(
        "Measured on {} rows of validation text. At size {}, a row without the scale has {}% of the entropy of "
        "uniform attention, with "
        "it {}%; at {} one key has all the weight. Unscaled scores move √{} ≈ {} times as far for the same step of "
        "the weights. The query "
        "matrix's gradient without the scale is {} times that with it: for each unit that a score moves, {} times as "
        "much",
        16, size, 100 * without.entropy, 100 * scaled.entropy, 0, size, math.sqrt(size), larger,
        larger / math.sqrt(size),
    )  # fmt: skip


def block(model: GPT, prompt: str, positions: dict, measured: dict, bare: dict, norms) -> Iterator[Claim]:
    """positions: label → recipe; measured: label → loss; bare: label → recipe of 8 blocks; norms: the recipe of a
    norm's model.
    """
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
    yield claim("In the lecture rung {} reaches {} nats a character and rung {} {}.", 2, LADDER[2], 3, LADDER[3])
    yield claim("choose {} and {}", 3, 4)
    yield claim("{} tokens.", len(prompt))
    yield claim("token t reads from t + {} tokens", 1)
    yield from _heads(model, prompt)
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
    yield claim("Rows have mean {} and variance {} now (largest |mean| {})", 0, 1, ROUNDING)
    yield claim("Columns have mean {} and variance {} now (largest |mean| {})", 0, 1, ROUNDING)
    yield claim("activations: {} examples of {} features", 6, 4)
    yield from _running_means()
    yield claim("Rung {} of the ladder twice, {} steps each", 6, norms.steps)
    yield claim(
        "Rung {}: four heads of size {}. {} steps each, {*} which takes {}", 3, 8, 1000, PRESETS["rung-3"].steps
    )
    yield from (claim(f"not trained yet · {steps:,} steps") for steps in (recipe.steps, norms.steps, 1000))
    yield from (claim(f"rung {rung} · ") for rung in (2, 3))
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
