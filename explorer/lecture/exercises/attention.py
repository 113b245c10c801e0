"""Exercises of act 2, attention. Those on the lecture's numbers come first, those on the shipped model last."""

from collections.abc import Collection
from dataclasses import replace
from itertools import product

from explorer.figures.tokens import head_name
from explorer.lecture.exercises.exercise import Exercise, Number, Options

COLUMN = (4.0, 8.0, 0.0, 6.0)  # one feature of four tokens
MATRIX, ROW, AT = ((1.0, 5.0), (3.0, 2.0), (4.0, 6.0)), 2, 1
SEQUENCES, TOKENS = 32, 64
RAISED = 1.1  # a score
QUERY = 6  # of the lecture's eight tokens
SWAPPED, READ = (5, 6), 8  # tokens that change places, tokens of the text
WAYS = {  # two places of a batch, (row, token) each
    "from row 0, token 5 to row 0, token 2": ((0, 5), (0, 2)),
    "from row 0, token 2 to row 0, token 5": ((0, 2), (0, 5)),
    "from row 0, token 2 to row 1, token 5": ((0, 2), (1, 5)),
    "from row 1, token 0 to row 0, token 7": ((1, 0), (0, 7)),
}
ASKING, ANSWERING = 5, 9  # tokens of x and y
D_HEAD = 64
LAYER = 0  # in which a head is switched off
LAYERS, HEADS = 4, 6  # of the shipped model
ROUNDING = 1e-9


def _average() -> float:
    import torch

    from gpt.lecture import average_v1

    return average_v1(torch.tensor(COLUMN)[None, :, None])[0, -1].item()


def _entry() -> float:
    import torch

    return (torch.ones(len(MATRIX), len(MATRIX)).tril() @ torch.tensor(MATRIX))[ROW, AT].item()


def _raised() -> float:
    import torch

    from gpt.lecture import masked_softmax

    scores = torch.zeros(4, 4)
    scores[2, 0] = RAISED
    return masked_softmax(scores)[2, 0].item()


def _masked() -> float:
    import torch

    from gpt.lecture import masked_softmax

    return masked_softmax(torch.full((4, 4), RAISED))[2, 3].item()


def _positions() -> int:
    from explorer.opened import DEFAULT, open_model

    config = open_model(DEFAULT).config
    return config.block_size * config.n_embd


def _most_read() -> Collection[str]:
    from gpt.lecture import version_4

    return [str(int(version_4()[1].weights[QUERY].argmax()))]


def _matrices() -> int:
    from gpt.lecture import version_4

    return sum(matrix.numel() for matrix in version_4()[1].matrices)


def _previous_token_heads() -> Collection[str]:
    from explorer.opened import DEFAULT, open_model
    from explorer.shared import texts
    from gpt.lens.heads import THRESHOLD

    scores = texts.head_scores(open_model(DEFAULT))["previous token"]
    return [head_name(*head) for head in product(range(LAYERS), range(HEADS)) if scores[head] >= THRESHOLD]


def _useless_head() -> Collection[str]:
    from explorer.explore.interventions.changes import Change
    from explorer.explore.interventions.effects import loss
    from explorer.opened import DEFAULT, open_model

    opened = open_model(DEFAULT)
    losses = {head: loss(opened, (), (Change("zero", LAYER, head, 0.0),)) for head in range(HEADS)}
    return [head_name(LAYER, min(losses, key=losses.__getitem__))]


def _changed_outputs() -> int:
    """How many outputs of one layer change, without positions and with the mask, if two tokens change places."""
    import torch

    from gpt import GPT, GPTConfig
    from gpt.lecture import permutation_difference

    config = GPTConfig(vocab_size=READ, block_size=READ, n_layer=1, n_head=1, n_embd=16)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = GPT(replace(config, positions="none")).double().eval()
    order = list(range(READ))
    first, second = SWAPPED
    order[first], order[second] = order[second], order[first]
    changes = permutation_difference(model, torch.arange(READ), torch.tensor(order))
    return int((changes > ROUNDING).sum())


def _possible_ways() -> Collection[str]:
    import torch

    from gpt import GPT, GPTConfig
    from gpt.lecture import edit_effects

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = GPT(GPTConfig(vocab_size=READ, block_size=READ, n_layer=1, n_head=1, n_embd=16)).double().eval()
    batch = torch.arange(READ).repeat(2, 1)
    return [
        name
        for name, ((row, token), reader) in WAYS.items()
        if edit_effects(model, batch, row, token, (token + 1) % READ)[reader] > ROUNDING
    ]


def _unmasked() -> int:
    from gpt.lens.heads import uniform

    masked, whole = (uniform(READ, causal=causal) for causal in (True, False))
    return int(((whole > 0) & (masked == 0)).sum())


def _shape() -> Collection[str]:
    import torch

    from gpt.lecture import one_head, random_matrices

    matrices = random_matrices(4, 4, torch.Generator().manual_seed(0))
    weights = one_head(torch.zeros(ASKING, 4), *matrices, memory=torch.zeros(ANSWERING, 4)).weights
    return [" × ".join(map(str, weights.shape))]


EXERCISES = (
    Exercise(
        "loops-mean",
        "loops",
        f"One sequence has four tokens with one number each: {', '.join(f'{each:g}' for each in COLUMN)}. What does "
        "version 1 write for the last token?",
        "The last token reads all four. What does the loop do with them?",
        "It writes the mean of the token and all tokens before it.",
        Number(_average, within=0.01, digits=2),
    ),
    Exercise(
        "product-entry",
        "matrix-product",
        "a is the lower triangle of ones, 3 × 3. b has the rows (1, 5), (3, 2) and (4, 6). What is in row "
        f"{ROW}, column {AT} of a @ b? Count from 0.",
        "Row 2 of a has no zero. Which numbers of b does it add?",
        "The row of a says which rows of b are added. The last row of a lower triangle adds all of them.",
        Number(_entry, digits=1),
    ),
    Exercise(
        "product-weights",
        "batched-product",
        f"Version 2 averages {SEQUENCES} sequences of {TOKENS} tokens. How many numbers has its matrix of weights?",
        "Does another sequence need other averages?",
        "All sequences share one T × T matrix. PyTorch multiplies it with each of them.",
        Number(lambda: TOKENS**2),
    ),
    Exercise(
        "softmax-raised",
        "softmax",
        f"Above, set the score of row 2, column 0 to {RAISED}. The other scores stay 0. Which weight does this token "
        "get? Compute it first, then look.",
        "The token has e^1.1 ≈ 3 shares. How many shares have the other two tokens of the row together?",
        "e^1.1 / (e^1.1 + 1 + 1). The mask leaves three tokens in row 2, and the softmax shares the weight between "
        "them.",
        Number(_raised, within=0.01, digits=2),
    ),
    Exercise(
        "softmax-masked",
        "softmax",
        f"Now all scores are {RAISED}. Which weight does the token of row 2, column 3 get?",
        "Column 3 is later than row 2. What does the mask write there, and what is e to the power of it?",
        "The mask writes −∞, and e^−∞ is 0. A token from the future gets no weight, whatever its score is.",
        Number(_masked, digits=2),
    ),
    Exercise(
        "positions-parameters",
        "positions",
        "The model shakespeare-char reads 256 tokens and has 192 features a token. How many parameters has its table "
        "of learned positions?",
        "Every position has a vector. It is added to the token's vector, so it has as many features.",
        "256 positions × 192 features. Sinusoids need no parameter.",
        Number(_positions),
    ),
    Exercise(
        "head-reads",
        "head",
        f"In the lecture's example, from which token does token {QUERY} read most?",
        f"Pick token {QUERY} as *Token that reads*, and look at its row after the softmax, stage 5.",
        "Of all tokens that it may read, this token's key has the largest product with its query.",
        Options(tuple(map(str, range(8))), _most_read),
    ),
    Exercise(
        "head-parameters",
        "head",
        "The lecture's head reads tokens of 32 features, and its q, k and v have 16 features each. How many "
        "parameters has the head?",
        "A head has three matrices and no bias.",
        "Three matrices of 32 × 16.",
        Number(_matrices),
    ),
    Exercise(
        "previous-token-head",
        "communication",
        "The model shakespeare-char has a head that reads almost only from the token before. Find it. Several may be "
        "right.",
        "Try the heads of each layer above and look at the arrows. The page *What heads do* scores all heads at once.",
        "It brings the letter before to each letter. Later layers can read pairs of letters there.",
        Options(tuple(head_name(*head) for head in product(range(LAYERS), range(HEADS))), _previous_token_heads),
        for_class=True,
    ),
    Exercise(
        "useless-head",
        "communication",
        f"On the page *Interventions*, switch off the heads of layer {LAYER} of shakespeare-char, one at a time, with "
        "zero in their place. Without which head does the loss on validation text rise least?",
        "Choose *Head off: zero*, and read the loss after the change. The map of all heads shows the same.",
        "The model loses little without its messages. Another head of this layer is worth far more.",
        Options(tuple(head_name(LAYER, head) for head in range(HEADS)), _useless_head),
        for_class=True,
    ),
    Exercise(
        "set-swapped",
        "set",
        f"A model has one layer, the mask, and no positions. Tokens {SWAPPED[0]} and {SWAPPED[1]} of {READ} (from 0) "
        "change places. How many of the tokens get another output?",
        "Without positions, an output depends on the set of tokens that are read. For which tokens is the set another?",
        f"Only the two tokens that change places read another set. Token {READ - 1} still reads all tokens, and the "
        "tokens before them cannot see them.",
        Number(_changed_outputs),
    ),
    Exercise(
        "batch-ways",
        "batch-rows",
        "A decoder reads a batch of two rows. Between which two places can information flow?",
        "Two rules: rows of a batch do not mix, and no token reads from its future.",
        "A token reads earlier tokens of its own row only.",
        Options(tuple(WAYS), _possible_ways),
    ),
    Exercise(
        "decoder-unmasked",
        "decoders",
        f"A decoder reads {READ} tokens. You take its mask away. How many more weights can be above 0?",
        "All weights form a square. Which part of it did the mask hide?",
        f"The mask hides {READ} × {READ - 1} / 2 weights above the diagonal.",
        Number(_unmasked),
    ),
    Exercise(
        "cross-shape",
        "cross-attention",
        f"x has {ASKING} tokens, y has {ANSWERING}. x reads y. Which shape have the weights?",
        "A row of the weights belongs to a token that asks. A column belongs to a token that answers.",
        "The queries come from x, the keys from y: a row for each token of x.",
        Options(("5 × 5", "5 × 9", "9 × 5", "9 × 9"), _shape),
    ),
    Exercise(
        "scores-variance",
        "scaled-scores",
        f"q and k have {D_HEAD} features each, random numbers of variance 1. What is the variance of q · k without "
        "the scale?",
        "q · k is a sum of products. Each product has variance 1, and the products are independent.",
        f"Variances add: {D_HEAD} products have the variance {D_HEAD}. Divided by √{D_HEAD} = 8, the variance is 1 "
        "again.",
        Number(lambda: D_HEAD),
        for_class=True,
    ),
)
