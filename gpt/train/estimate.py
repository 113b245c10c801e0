"""What a recipe needs, counted before anything is built: parameters, memory, disk, arithmetic and, roughly, time.

`estimate(recipe)` gives the numbers; `check_fits(recipe, folder)` raises RunError where this machine does not have
them.
"""

import re
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from gpt.machine import PROCESS, bytes_in_words, count_in_words, free_disk, machine_memory, time_in_words
from gpt.model.build import ModelKind, build_model, without_memory
from gpt.model.config import GPTConfig
from gpt.model.gpt import GPT
from gpt.model.reward import RewardModel
from gpt.model.seq2seq import Seq2Seq
from gpt.train.files import RunError
from gpt.train.objectives import OBJECTIVES
from gpt.train.optim import OPTIMIZERS
from gpt.train.recipe import Recipe

FLOAT = 4  # bytes of a float32
BLOCK = 4096  # bytes: the least that a file takes on disk
ROW = 200  # bytes of a row of metrics
SPEEDS = {"cpu": 8e10, "mps": 1e12, "cuda": 2e13}  # floating-point operations a second: small models, one CPU core
OVERHEAD = 1e-3  # seconds that a step takes for each layer, however small
MOST = 10**200  # above it a float may overflow
LONGEST_PART = 86_400  # seconds: no stop or pause is read during one step or one evaluation
LONGEST_RUN = 10 * 365 * 86_400  # seconds
LAYER = re.compile(r"(blocks\.|encoder\.|decoder\.)0\.")
SIZES = ("n_layer", "n_embd", "vocab_size", "block_size", "batch_size")


@dataclass(frozen=True)
class Estimate:
    """What training a recipe needs on one device. Times are rough: right within a factor of about 3."""

    parameters: int  # trainable numbers
    memory: int  # bytes at the peak: weights, gradients, optimizer state, activations of a step, copies while saving
    disk: int  # bytes of the run folder at its end
    flops: int  # floating-point operations of one step
    step_seconds: float
    evaluation_seconds: float
    seconds: float  # of the whole run

    def __str__(self) -> str:
        return (
            f"{count_in_words(self.parameters)} parameters; "
            f"training takes about {bytes_in_words(self.memory)} of memory, "
            f"{bytes_in_words(self.disk)} on disk and {time_in_words(self.seconds)}"
        )


def estimate(recipe: Recipe, parts: int = 1, device: str = "cpu") -> Estimate:
    """Count what a recipe needs. parts: in how many parts a batch is taken; device: "cpu", "mps" or "cuda"."""
    config, objective, steps = recipe.model, OBJECTIVES[recipe.objective], recipe.steps
    parameters = count_parameters(config, objective.kind)
    state = FLOAT * (count_stored(config, objective.kind) + 2 * parameters)  # weights, and two moments of each
    frozen = FLOAT * parameters * len(objective.frozen)
    texts = -(-recipe.batch_size // parts) * objective.texts_per_example
    activations = FLOAT * texts * floats_per_text(config, objective.kind) * 6 // 5  # temporaries, as measured
    memory = PROCESS + frozen + state + max(FLOAT * parameters + activations, state)  # saving copies the state
    width = 2 if recipe.snapshot_type == "float16" else FLOAT
    snapshots = min(recipe.snapshots, steps + 1) * max(BLOCK, width * parameters)
    rows = ROW * (steps // recipe.log_every + 1)
    flops = recipe.batch_size * objective.texts_per_example * flops_per_text(config, objective.kind)
    flops += 12 * parameters + OPTIMIZERS[recipe.optimizer].flops(config)  # 12: AdamW's
    step = max(1, min(config.n_layer, MOST)) * OVERHEAD + min(flops, MOST) / SPEEDS[device]
    evaluation = objective.evaluation_batches(recipe) * step / 3  # no backward pass
    return Estimate(
        parameters=parameters,
        memory=memory,
        disk=snapshots + 2 * state + rows,  # the old state is deleted after the new one is written
        flops=flops,
        step_seconds=step,
        evaluation_seconds=evaluation,
        seconds=steps * step + (steps // recipe.eval_every + 2) * evaluation,
    )


def count_parameters(config: GPTConfig, kind: ModelKind = GPT) -> int:
    """Count the trainable numbers of `build_model(config, kind)` without building it; shared ones count once."""
    C, V = config.n_embd, config.vocab_size
    if config.n_layer == 0:
        return V * V
    blocks, norms = config.n_layer * _block(config), 1
    if kind is Seq2Seq:
        blocks, norms = blocks + config.n_layer * (_block(config) + _norm(config) + _attention(config)), 2
    positions = config.block_size * C if config.positions == "learned" else 0
    unembed = C + 1 if kind is RewardModel else V * config.unembed_bias + (0 if config.tie_weights else C * V)
    return V * C + _ngrams(config) + positions + blocks + (norms * _norm(config) if config.norm_first else 0) + unembed


def count_active(config: GPTConfig, kind: ModelKind = GPT) -> int:
    """Count the parameters that one token uses: of the experts, only those that the router chooses."""
    idle = (config.experts - config.experts_per_token) * _mlp(config)
    return count_parameters(config, kind) - _mlps(config, kind) * idle


def count_stored(config: GPTConfig, kind: ModelKind = GPT) -> int:
    """Count all numbers of a model.

    These are its parameters, fixed positions, the running statistics of batchnorm, and the balance of experts.
    """
    C, parameters = config.n_embd, count_parameters(config, kind)
    if config.n_layer == 0:
        return parameters
    fixed = config.block_size * C if config.positions == "sinusoidal" else 0
    norms = 1 + config.n_layer * (2 if config.mlp else 1) if config.norm == "batch" else 0
    balance = _mlps(config, kind) * config.experts if config.experts > 1 else 0
    return parameters + fixed + 2 * C * norms + balance


def _ngrams(config: GPTConfig) -> int:
    return config.ngram_rows * config.n_embd if config.ngrams > 1 else 0


def _block(config: GPTConfig) -> int:
    part = _norm(config) + config.n_embd * config.token_shift
    router = config.experts * config.n_embd if config.experts > 1 else 0
    return part + _attention(config) + (part + router + config.experts * _mlp(config) if config.mlp else 0)


def _norm(config: GPTConfig) -> int:
    return 0 if config.norm == "none" else config.n_embd * (config.norm_weight + (config.bias and config.norm != "rms"))


def _attention(config: GPTConfig) -> int:
    C, queries = config.n_embd, config.n_head * config.d_head
    qkv = (queries + 2 * config.n_kv_head * config.d_head) * (C + config.has_qkv_bias)
    return (
        qkv
        + (C * (queries + config.bias) if config.projection else 0)
        + 2 * config.d_head * (config.qk_norm and config.norm_weight)
    )


def _mlps(config: GPTConfig, kind: ModelKind) -> int:
    """How many MLPs, or mixtures of experts, a model has."""
    return (2 if kind is Seq2Seq else 1) * config.n_layer * config.mlp


def _mlp(config: GPTConfig) -> int:
    C, width = config.n_embd, config.mlp_width
    return (1 + config.gated) * width * (C + config.bias) + (C * (width + config.bias) if config.projection else 0)


def floats_per_text(config: GPTConfig, kind: ModelKind = GPT) -> int:
    """Count the numbers that one text's forward pass keeps for the backward pass, with logits and their gradient."""
    C, T, V = config.n_embd, config.block_size, config.vocab_size
    heads = (config.n_head + config.n_kv_head) * config.d_head  # features of q and k
    norm = C if config.norm == "rms" else 0  # RMSNorm keeps its input once more
    turned = (2 if config.qk_norm else 0) + (1 if config.positions == "rotary" else 0)  # copies of q and k
    attention = 4 * C + (2 + turned) * heads + norm
    attention += 4 * config.n_head * T + 2 * C if config.dropout else 0  # with dropout, patterns are kept
    inner = (4 if config.gated else 2) * config.mlp_width
    inner = inner if config.experts == 1 else config.experts_per_token * (inner + 3 * C) + 2 * config.experts
    block = attention + (C + inner + norm + (2 * C if config.dropout else 0) if config.mlp else 0)
    layers = config.n_layer * (2 * block + attention if kind is Seq2Seq else block)
    head = 3 * (1 if kind is RewardModel else V) + (10 * C if config.n_layer else 0)
    return T * (layers + head)


def flops_per_text(config: GPTConfig, kind: ModelKind = GPT) -> int:
    """Count the floating-point operations of one text's forward and backward pass.

    6 for each weight and token, and 12 · n_layer · n_head · d_head · T for each token's scores and values.
    Source: Kaplan et al. 2020, arXiv:2001.08361, table 1 and section 2.1.
    """
    C, T, V = config.n_embd, config.block_size, config.vocab_size
    looked_up = C * (V + (T if config.positions == "learned" else 0)) + _ngrams(config)
    looked_up = looked_up if config.n_layer else V * (V - 1)
    weights = max(V, count_active(config, kind) - looked_up)
    return T * (6 * weights + 12 * config.n_layer * config.n_head * config.d_head * T)


def check_fits(
    recipe: Recipe, folder: Path, *, parts: int = 1, device: torch.device | None = None, written: int = 0
) -> Estimate:
    """Estimate a recipe, and raise RunError with the numbers and a remedy where this machine cannot train it.

    folder: where the run is, or will be. device: where it trains; None takes the best one here. written: its snapshots
    so far.
    """
    kind = device.type if device else _best_device()
    needs = estimate(recipe, parts, kind)
    what = f"a model of {count_in_words(needs.parameters)} parameters"
    memory, largest = machine_memory(device), _largest(recipe, parts)
    if needs.memory > memory:
        raise RunError(
            f"{what} needs {bytes_in_words(needs.memory)} of memory to train with a batch of "
            f"{count_in_words(recipe.batch_size)}; "
            f"this machine has {bytes_in_words(memory)}. Give a smaller {largest}"
        )
    free = free_disk(folder)
    still = needs.disk - min(written, recipe.snapshots) * (needs.disk // (recipe.snapshots + 1))
    if still > free:
        raise RunError(
            f"{what} with {count_in_words(recipe.snapshots)} snapshots needs {bytes_in_words(still)} on disk; "
            f"{bytes_in_words(free)} are free in {str(folder)!r}. Give fewer snapshots, fewer logged steps or a "
            "smaller model"
        )
    for part, seconds, longest, names in (
        ("one step", needs.step_seconds, LONGEST_PART, largest),
        ("one evaluation", needs.evaluation_seconds, LONGEST_PART, "eval_batches"),
        ("the whole run", needs.seconds, LONGEST_RUN, "number of steps"),
    ):
        if seconds > longest:
            raise RunError(
                f"{part} of {what} would take about {time_in_words(seconds)} here; "
                f"at most {time_in_words(longest)} make sense. "
                f"Give a smaller {names}"
            )
    return needs


def check_opens(config: GPTConfig, kind: ModelKind = GPT) -> None:
    """Raise RunError where a model's weights do not fit in this machine's memory, twice: as a file, and as a model."""
    stored, memory = count_stored(config, kind), machine_memory(torch.device("cpu"))
    if 2 * FLOAT * stored > memory:
        raise RunError(
            f"a model of {count_in_words(stored)} weights needs {bytes_in_words(2 * FLOAT * stored)} of memory to "
            "open; "
            f"this machine has {bytes_in_words(memory)}. Open it on a larger machine"
        )


def shapes_of(config: GPTConfig, kind: ModelKind = GPT) -> dict[str, list[int]]:
    """Return name → shape of a model's weights, without allocating memory for them.

    Raises RunError where it is too large to open.

    One layer is built, on no device; the others have the same shapes.
    """
    check_opens(config, kind)
    with without_memory():
        model = build_model(replace(config, n_layer=min(1, config.n_layer)), kind)
    shapes = {}
    for name, tensor in model.state_dict().items():
        layers = config.n_layer if LAYER.match(name) else 1
        shapes |= {LAYER.sub(rf"\g<1>{layer}.", name): list(tensor.shape) for layer in range(layers)}
    return shapes


def _largest(recipe: Recipe, parts: int) -> str:
    """The size whose smallest value saves most memory."""
    least = {name: 1 for name in SIZES} | {"n_embd": 2 * recipe.model.n_head}
    saved = {name: estimate(recipe.changed(**{name: value}), parts).memory for name, value in least.items()}
    largest = min(SIZES, key=saved.__getitem__)
    return "batch_size, or take it in parts (--accumulate)" if largest == "batch_size" else largest


def _best_device() -> str:
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"
