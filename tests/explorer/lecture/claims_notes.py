"""What the numbers are recomputed from: the lecture's pages with the notes on attention."""

import math
from collections.abc import Iterator

import torch

from gpt import GPT, GPTConfig, lecture, load_run, loss_of
from gpt.lens.learning import attention_statistics
from tests.explorer.lecture.claims import ROUNDING, Claim, claim
from tests.explorer.lecture.claims_first import TOKENIZER
from tests.explorer.lecture.claims_second import fresh, held_out


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


def notes(model: GPT) -> Iterator[Claim]:
    """Notes 2 and 3."""
    idx = torch.tensor([ord(letter) for letter in "attention"])
    order = torch.randperm(9, generator=torch.Generator().manual_seed(1))
    torch.manual_seed(0)
    blind = GPT(
        GPTConfig(vocab_size=128, block_size=16, n_layer=2, n_head=2, n_embd=16, positions="none", causal=False)
    )
    assert lecture.permutation_difference(blind.double().eval(), idx, order).max() < 1e-12
    yield claim("in {} small untrained models", 4)
    yield claim("(largest difference {}: rounding)", ROUNDING)
    changed, _ = _edited(model, causal=True)
    yield claim("in the other rows: {}.", changed[[0, 2]].max())
    yield claim("Row {} changes from the edited letter on", 1)


def _edited(model: GPT, causal: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """The changes after an edit of row 1, and the batch."""
    rows = ("to be or not", "that is the", "question, say")
    batch = torch.tensor([TOKENIZER.encode(row[: min(map(len, rows))]) for row in rows])
    return lecture.edit_effects(lecture.with_mask(model, causal), batch, 1, 5, TOKENIZER.encode("z")[0]), batch


def masks(model: GPT, recipes: dict, causal: bool, memory: bool) -> Iterator[Claim]:
    """Notes 4 and 5. recipes: of note 4's trainings; memory: whether x looks at y."""
    felt, batch = _edited(model, causal)
    losses = [loss_of(lecture.with_mask(model, each)(batch)[:, :-1], batch[:, 1:]).item() for each in (True, False)]
    yield claim(
        "in the other rows {}, before the edit {}. Loss on these rows with the mask {}, without it {} nats",
        felt[[0, 2]].max(), felt[1, :5].max(), *losses,
    )  # fmt: skip
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


def _crossing(memory: bool) -> tuple[float, object]:
    generator = torch.Generator().manual_seed(1337)
    matrices = lecture.random_matrices(4, 4, generator)
    x, y = (torch.randn(length, 4, generator=generator).round(decimals=1) for length in (4, 6))
    sums = lecture.one_head(x, *matrices, memory=y if memory else None).weights.sum(1)
    assert torch.allclose(sums, torch.ones(4))
    return 1, ROUNDING


def scaled(twins: dict) -> Iterator[Claim]:
    """Note 6. twins: head size → the two recipes."""
    yield from _saturation()
    yield from _twins(twins)


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
