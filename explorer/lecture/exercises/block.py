"""Exercises of act 3, the block."""

import math
from collections.abc import Collection

from explorer.lecture.exercises.exercise import Exercise, Number, Options

READ = 20  # tokens of a text
N_HEAD, N_EMBD = 4, 32  # of the lecture's rung 3
PROMPT, LAYERS = "To be, or not to be", 4
SENT = (1.5, -0.5, 0.2, -2.0, -0.1, 3.0)  # numbers that reach a ReLU
DEPTH = 16  # blocks
FEATURES = (1.0, 3.0, 5.0, 7.0)  # of a token
B, T, C = 32, 8, 64
KEPT, DROPOUT = 3.0, 0.2


def _read_by_one_head() -> int:
    from gpt import PRESETS

    return min(READ, PRESETS["rung-2"].model.block_size)


def _weights_of_heads() -> int:
    from gpt import GPTConfig
    from gpt.model.attention import Attention

    return Attention(GPTConfig(n_head=N_HEAD, n_embd=N_EMBD, bias=False)).qkv.weight.numel()


def _most_alike() -> Collection[str]:
    import torch

    from explorer.opened import DEFAULT, open_model
    from explorer.shared.patterns import attention
    from explorer.shared.prompt import read_prompt
    from gpt.lens.heads import pattern_distances

    opened = open_model(DEFAULT)
    patterns = torch.from_numpy(attention(opened, read_prompt(opened, PROMPT).ids))
    distances = [pattern_distances(layer).fill_diagonal_(1).min().item() for layer in patterns]
    return [f"layer {distances.index(min(distances))}"]


def _zeros() -> int:
    import torch

    return int((torch.tensor(SENT).relu() == 0).sum())


def _times_attention() -> float:
    from gpt import GPTConfig
    from gpt.model.attention import Attention
    from gpt.model.mlp import MLP

    config = GPTConfig(n_head=N_HEAD, n_embd=N_EMBD, bias=False)
    sizes = [sum(weight.numel() for weight in part.parameters()) for part in (MLP(config), Attention(config))]
    return sizes[0] / sizes[1]


def _power_of_ten() -> int:
    """How many times less gradient reaches the first block than the last, without residual path and norm."""
    from explorer.lecture.block.residuals import BARE, ROWS, recipes
    from explorer.lecture.kit.training import untrained, validation_rows
    from gpt.lens.learning import gradient_norms

    recipe = recipes(DEPTH)[BARE]
    norms = gradient_norms(untrained(recipe), validation_rows(recipe, ROWS))
    return math.floor(math.log10(norms[-1] / norms[0]))


def _normalised() -> float:
    import torch

    from gpt.lecture import normalised

    return normalised(torch.tensor([FEATURES]), "features")[0, -1].item()


def _means_of_batchnorm() -> int:
    from gpt.model.norms import BatchNorm

    return BatchNorm(C, bias=True).running_mean.numel()


def _millions() -> float:
    from gpt import PRESETS
    from gpt.train.estimate import count_parameters

    return count_parameters(PRESETS["rung-7"].model) / 1e6


def _passed_on() -> float:
    import torch
    from torch.nn.functional import dropout

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return dropout(torch.full((100,), KEPT), DROPOUT).max().item()


EXERCISES = (
    Exercise(
        "inserting-context",
        "inserting-head",
        f"A text has {READ} tokens. The lecture's model with one head writes the next one. How many of the {READ} "
        "tokens does it read?",
        "Every token needs a position. How many vectors has the table of positions?",
        "The model has a vector for each of 8 positions. So `generate` crops the text to the last `block_size` tokens.",
        Number(_read_by_one_head),
    ),
    Exercise(
        "heads-parameters",
        "multi-head",
        f"A model has {N_EMBD} features a token and {N_HEAD} heads of size {N_EMBD // N_HEAD}. How many weights have "
        f"W_q, W_k and W_v of all {N_HEAD} heads together, without bias? Is it more than for one head of {N_EMBD}?",
        f"One W_q of a small head is {N_EMBD} × {N_EMBD // N_HEAD}.",
        f"{N_HEAD} heads × 3 matrices × {N_EMBD} × {N_EMBD // N_HEAD}. One head of size {N_EMBD} has 3 × {N_EMBD} × "
        f"{N_EMBD}: the same. Many heads cost nothing more.",
        Number(_weights_of_heads),
        for_class=True,
    ),
    Exercise(
        "heads-alike",
        "multi-head",
        f"Type the prompt `{PROMPT}` for the model shakespeare-char. Which layer has the two heads that read most "
        "alike?",
        "Choose each layer above, and read the smallest distance in the sentence below the picture.",
        "A small distance means that one head could replace the other on this prompt. The other layers' heads share "
        "the work.",
        Options(tuple(f"layer {layer}" for layer in range(LAYERS)), _most_alike),
    ),
    Exercise(
        "feedforward-zeros",
        "feedforward",
        f"These numbers of a token reach the ReLU: {', '.join(f'{x:g}'.replace('-', '−') for x in SENT)}. How many of "
        "them are 0 after it?",
        "ReLU is max(0, x).",
        "Every negative number becomes 0, and passes no gradient. The others stay.",
        Number(_zeros),
    ),
    Exercise(
        "feedforward-share",
        "feedforward",
        "From rung 5 on, the feedforward layer is four times as wide inside. How many times as many weights has it as "
        "the attention of its block (W_q, W_k, W_v and the projection, no biases)?",
        "With C features: attention has four C × C matrices. The feedforward layer has C × 4C and 4C × C.",
        "8 C² against 4 C². Most of a Transformer's weights are in its feedforward layers.",
        Number(_times_attention, digits=1),
    ),
    Exercise(
        "residuals-power",
        "residuals",
        f"Guess above first, and choose {DEPTH} blocks. Without residual path and norm, the first block gets a × 10ⁿ "
        "times less gradient than the last. What is n?",
        "The sentence below the picture has the factor: 1e+09 means 10⁹.",
        "Each block multiplies the gradient by a small number. With more blocks the product vanishes. An addition "
        "passes the gradient on unchanged.",
        Number(_power_of_ten),
        for_class=True,
    ),
    Exercise(
        "layernorm-by-hand",
        "layernorm",
        f"A token has the features {', '.join(f'{x:g}' for x in FEATURES)}. What does layernorm make of the last one? "
        "Compute it, then type the numbers into row 0 above.",
        "Subtract the mean. Then divide by the root of the variance, which is the mean of the squared distances.",
        "The mean is 4. The variance is (9 + 1 + 1 + 9) / 4 = 5. So it is (7 − 4) / √5.",
        Number(_normalised, within=0.01, digits=2),
        for_class=True,
    ),
    Exercise(
        "batchnorm-means",
        "layernorm",
        f"Activations have the shape (B, T, C) = ({B}, {T}, {C}). Layernorm computes B × T = {B * T} means, one for "
        "each token. How many does batchnorm compute?",
        "Batchnorm normalises each feature over all tokens of the batch.",
        "One mean a feature, over B and T. So each output depends on the other rows of the batch.",
        Number(_means_of_batchnorm),
    ),
    Exercise(
        "scaling-parameters",
        "scaling",
        "Rung 7 has 6 blocks of 384 features. A block has about 12 C² parameters: 4 C² in attention, 8 C² in "
        "feedforward. About how many million parameters has rung 7? Compute it, then look at *The largest rung*.",
        "384² is 147,456.",
        "6 × 12 × 147,456 is 10.6 million. The embeddings, the norms, the biases and the output layer are the rest.",
        Number(_millions, within=0.3, digits=1),
    ),
    Exercise(
        "dropout-scale",
        "scaling",
        f"In training, dropout of {DROPOUT} keeps an activation of {KEPT:g}. Which number does it pass on?",
        f"The mean must stay the same, though {DROPOUT:.0%} of the activations are 0.",
        f"It passes on {KEPT:g} / (1 − {DROPOUT}). In use there is no dropout, so nothing is divided.",
        Number(_passed_on, within=0.01, digits=2),
    ),
)
