"""What the numbers are recomputed from: the lecture's pages from the encoder-decoder to ChatGPT in miniature."""

import json
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from gpt import PRESETS, build_model, generate, load_corpus, load_run
from gpt.lens.alignment import ATTENTIONS, PLACES, PROBES, watch
from gpt.lens.heads import pattern_shift
from gpt.text import dialogue
from gpt.text.batches import split_ids
from gpt.text.shakespeare import PLAYS
from gpt.train.objectives import ppo
from gpt.train.objectives.answers import LONGEST, as_tensors
from gpt.train.objectives.reward import rewards
from tests.explorer.lecture.claims import ROUNDING, Claim, claim

MODELS = Path(__file__).parents[3] / "assets" / "models"
EXAMPLES = (
    "twenty-third of march, 1984", "july fourth, 1776", "2024, twenty-ninth of february", "may first, 1886",
    "eleventh of november, 1918",
)  # fmt: skip
STAGES = {"pretrained": "shakespeare-char", "finetuned": "chat-finetune", "policy": "chat-policy"}


def translate(source: str, at: int, layer: int, head: int, measured) -> Iterator[Claim]:
    """measured: name → what `gpt.lens.alignment` measures on the shipped model, (n_layer, n_head) and (n_layer,
    n_head, places).
    """
    run = load_run(MODELS / "translate")
    seen = watch(run.model(), source, run.tokenizer)
    month = measured["month"].reshape(-1, len(PLACES)).mean(0)
    alignment, recipe = measured["alignment"], PRESETS["translate"]
    assert (layer, head) == divmod(int(alignment.argmax()), alignment.shape[1])
    yield claim("step {} of {}", at, len(seen.written) - 1)
    yield claim(f"while it writes {{*}} · L{layer}H{head}")
    yield claim(f"while it writes “{run.tokenizer.decode([seen.written[at]])}”")
    yield claim("in the head's cross-attention; it sums to {}.", seen.patterns["cross"][layer, head, at].sum())
    yield claim("{} steps of {} dates", recipe.steps, recipe.batch_size)
    yield claim("not trained yet · {} steps", recipe.steps)
    yield claim(f"Opened on L{layer}H{head}, whose alignment is the largest: {{*}} over {{}} dates", PROBES)
    yield from (claim(f"L{a}H{b} = {{}}", alignment[a, b]) for a, b in np.ndindex(alignment.shape))
    yield claim("Switch between the {}", 3)
    yield claim("{} kinds of attention", len(ATTENTIONS))
    yield from (claim(date) for date in EXAMPLES)
    most = PLACES[int(month.argmax())]
    yield claim(
        f"The most weight is on {most}: {{}}% in the mean of all heads, over {{}} dates", 100 * month.max(), PROBES
    )
    yield claim("The Transformer of {}", 2017)  # Vaswani et al. 2017


def nanogpt() -> Iterator[Claim]:
    laptop, gpu = PRESETS["nanogpt-cpu"].model, PRESETS["rung-7"].model
    assert [build_size(config) for config in (laptop, gpu)] == [804_096, 10_788_929]  # nanoGPT's and the lecture's
    yield claim("with {} heads on {} tokens", 8, 128)
    yield claim(
        "The shortest of {} measurements, made now on one thread of this machine, on {} rows of {} features", 20, 4, 128
    )
    yield claim("allclose of the {} outputs: True. They differ by at most {}.", 3, ROUNDING)
    yield claim("From rung {} to", 7)
    yield claim("dropout ({} → {})", gpu.dropout, 0.0)


def build_size(config) -> int:
    with torch.device("meta"):
        return build_model(config).n_params


def answer(ref: str, question: str, seed: int) -> str:
    """What a stage answers, drawn again."""
    run = load_run(MODELS / ref)
    ids = torch.tensor([run.tokenizer.encode(dialogue.prompt_of(question))])
    text = ""
    for step in generate(run.model(), ids, LONGEST, seed=seed):
        text += run.tokenizer.decode([step.token])
        if text.endswith(dialogue.END):
            break
    return text


def reward(question: str, text: str) -> float:
    run = load_run(MODELS / "chat-reward")
    tokens = as_tensors([dialogue.Exchange(question, text)], run.tokenizer, run.recipe.model.block_size)
    with torch.inference_mode():
        return float(rewards(run.model(), *tokens))


def chat(question: str, stages) -> Iterator[Claim]:
    """stages: the page's module, whose recipes are trained."""
    answers = {label: answer(ref, question, 1337) for label, ref in STAGES.items()}
    judged = {label: (reward(question, text), dialogue.preference(question, text)) for label, text in answers.items()}
    yield from (claim(f"Reward model = {value:+.2f}".replace("-", "−")) for value, _ in judged.values())
    yield from (claim(f"Stated preference = {points} of {{}}", 4) for _, points in judged.values())
    yield from _inversion(judged)
    yield claim("Missing: {*}at most {} characters", 60)
    yield claim("at most {} characters", 60)
    yield from _stages_in_numbers()
    yield from _demonstrations(stages)
    yield _shipped("chat-finetune")


def rewarded(question: str, panel) -> Iterator[Claim]:
    """panel: the page's module, whose recipes are trained."""
    finished = json.loads((Path(__file__).parents[3] / "assets" / "finished.json").read_text(encoding="utf-8"))
    yield from (claim(f"{label} = {{}} nats", curves["kl"][1][-1]) for label, curves in finished["leash"].items())
    yield from _policies(panel)
    yield from (_shipped(name) for name in ("chat-reward", "chat-policy"))
    yield from _moved(question)
    yield from _at_scale()


def _inversion(judged: dict) -> Iterator[Claim]:
    """The first two answers of which the one with fewer points has the higher reward."""
    pairs = [
        (one, other)
        for one in judged
        for other in judged
        if judged[one][0] > judged[other][0] and judged[one][1] < judged[other][1]
    ]
    if not pairs:
        yield claim("Here the reward model is wrong{never}")
        return
    (low, few), (high, many) = (judged[label] for label in pairs[0])
    accuracy = [row["accuracy"] for row in load_run(MODELS / "chat-reward").metrics() if "accuracy" in row][-1]
    yield claim(
        f"it gives {{}} to the answer of {pairs[0][0]}, which has {{}} points, and {{}} to that of {pairs[0][1]}, "
        f"which has {{}}. "
        "It learned from pairs of whole answers. On questions outside its training text, it orders {}% of such pairs",
        low, few, high, many, 100 * accuracy,
    )  # fmt: skip


def _stages_in_numbers() -> Iterator[Claim]:
    finetune, policy = (load_run(MODELS / ref) for ref in ("chat-finetune", "chat-policy"))
    before, after = ([row["preference"] for row in run.metrics() if "preference" in row] for run in (finetune, policy))
    yield claim("pretrained = {}", before[0])
    yield claim("finetuned = {}", before[-1])
    yield claim("policy = {}", after[-1])
    yield claim(
        "The mean stated preference, {} to {}, of answers to {} validation questions",
        0,
        4,
        finetune.recipe.eval_batches,
    )


def _demonstrations(stages) -> Iterator[Claim]:
    train, held_out = dialogue.split(dialogue.exchanges_in(load_corpus("dialogues").text))
    to_first = sum(exchange.question == train[0].question for exchange in train)
    yield claim(
        "{} demonstrations, generated: questions of {} forms about {} people, {} answers each, {*} {} answers to "
        "other questions",
        len(train), len(dialogue.MATTERS), len(dialogue.PEOPLE), to_first, len(held_out),
    )  # fmt: skip
    [finetuned] = stages.FINETUNE.values()
    yield claim("shortened to {} steps. The start is shakespeare-char", finetuned.steps)
    yield claim("not trained yet · {} steps", finetuned.steps)
    yield claim("{}. Finetuning", 1)


def _policies(panel) -> Iterator[Claim]:
    train, _ = dialogue.split(dialogue.exchanges_in(load_corpus("dialogues").text))
    yield claim("{} pairs: any two answers", len(dialogue.pairs(train)))
    yield claim("ln {} ≈ {}.", 2, math.log(2))
    [rewarded] = panel.REWARDS.values()
    yield claim("shortened to {} steps. The start is chat-finetune", rewarded.steps)
    yield claim("its first {} layers", rewarded.model.n_layer)
    ppo_recipe, free = panel.POLICIES["policy on a leash"], panel.POLICIES["policy without a leash"]
    shipped = PRESETS["chat-policy"]
    assert (
        shipped.batch_size == 2 * ppo_recipe.batch_size and ppo_recipe.lr == 2 * shipped.lr
    )  # half the answers, twice the learning rate
    dpo = panel.POLICIES[panel.DPO]
    ends = ppo_recipe.steps, ppo_recipe.kl_weight, free.kl_weight, dpo.steps
    yield claim("PPO for {} steps with β = {} and with β = {}, {*} for {}.", *ends)
    yield claim("β = {} removes the penalty", 0)
    yield claim(
        "At every {}th step the model samples {} answers, {} to each question, {*} has changed by {}%, until {*} "
        "costs β = {}.",
        shipped.updates, shipped.batch_size, ppo.GROUP, 100 * ppo.CLIP, shipped.kl_weight,
    )  # fmt: skip
    yield claim("Follow the {} curves", 4)
    yield from (claim(f"not trained yet · {r.steps} steps") for r in (rewarded, *panel.POLICIES.values()))
    yield from (claim(f"{n}. {title}") for n, title in ((2, "The reward model"), (3, "Policy")))


def _shipped(name: str) -> Claim:
    run = load_run(MODELS / name)
    spent = [row["elapsed"] for row in run.metrics() if "elapsed" in row][-1]
    return claim(f"{name}, the shipped run: {{}} steps, {{}} minutes on one core", run.recipe.steps, spent / 60)


def _moved(question: str) -> Iterator[Claim]:
    """What the stages changed in attention."""
    runs = [load_run(MODELS / STAGES[label]) for label in ("pretrained", "finetuned")]
    text = dialogue.prompt_of(question) + "My lord, the "
    ids = torch.tensor([runs[0].tokenizer.encode(text)])
    caches = [run.model().run_with_cache(ids, "blocks.*.attn.hook_pattern")[1] for run in runs]
    patterns = [torch.stack([cache["pattern", layer][0] for layer in range(4)]) for cache in caches]
    shifts = pattern_shift(*patterns)
    heads = [divmod(int(place), shifts.size(1)) for place in shifts.flatten().argsort(descending=True)[:3]]
    told = ", ".join(f"L{layer}H{head} ({{}}%)" for layer, head in heads)
    yield claim(
        f"the mean over the {{}} characters of the question and of {{*}}: on average {{}}%; most in {told}",
        len(text), 100 * shifts.mean(), *(100 * shifts[head] for head in heads),
    )  # fmt: skip
    layer, head = heads[0]
    yield from (claim(f"{label}, L{layer}H{head}") for label in ("pretrained", "finetuned"))
    for pattern in patterns:
        last = pattern[layer, head, -1]
        most = int(last.argmax())
        yield claim(f"it reads most from {most} {{*}}, {100 * last.max():.0f}%.")


def _at_scale() -> Iterator[Claim]:
    """The table beside InstructGPT. Its column is cited from Ouyang et al. 2022 and Brown et al. 2020."""
    text = load_corpus("tinyshakespeare").text
    recipe, policy = (load_run(MODELS / name).recipe for name in ("shakespeare-char", "chat-policy"))
    read = recipe.steps * recipe.batch_size * recipe.model.block_size
    train, _ = split_ids(torch.arange(len(text)))
    demonstrations, _ = dialogue.split(dialogue.exchanges_in(load_corpus("dialogues").text))
    yield claim("questions of {} forms, and does not know", len(dialogue.MATTERS))
    yield claim(
        "{} million characters of {} plays, {}% read about {} times | {} billion tokens",
        len(text) / 1e6, len(PLAYS), 100 * len(train) / len(text), read / len(train), 300,
    )  # fmt: skip
    yield claim(
        "Parameters | {} | {}, {} and {} billion", load_run(MODELS / "shakespeare-char").model().n_params, 1.3, 6, 175
    )
    yield claim("{}, from templates | about {} prompts", len(demonstrations), 13_000)
    yield claim(
        "a formula of {} points | rankings by about {} people, on {} prompts; {} to {} answers each",
        4,
        40,
        33_000,
        4,
        9,
    )
    yield claim("{} parameters | {} billion parameters", load_run(MODELS / "chat-reward").model().n_params, 6)
    yield claim("PPO on {} answers | PPO on {} answers", policy.steps // policy.updates * policy.batch_size, 256_000)
    yield claim("β = {} on whole distributions, in the loss | β = {} on the drawn tokens", policy.kl_weight, 0.02)
    papers = (
        ("Ouyang", 2022),
        ("Brown", 2020),
        ("Schulman", 2017),
        ("Ziegler", 2019),
        ("Rafailov", 2023),
        ("Gao", 2022),
    )
    yield from (claim(f"{name} et al. {{}}", year) for name, year in papers)
    yield claim("sections {} and C", 3)
