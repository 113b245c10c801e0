"""Every number that a page of the lecture prints is recomputed, and every one is declared."""

import pytest
import torch

from explorer.lecture import intro, norms, positions
from explorer.lecture.bigram import panel as bigram
from explorer.lecture.block import residuals
from explorer.lecture.chat import stages
from explorer.lecture.head import panel as head
from explorer.lecture.mask import crossing, decoders
from explorer.lecture.rewards import panel as rewards
from explorer.lecture.scaled import panel as scaled
from explorer.lecture.scaling import panel as scaling
from explorer.lecture.translate.subject import alignments
from explorer.opened import open_model
from explorer.shared.prompt import read_prompt
from explorer.shared.sampling import continuation
from explorer.train import jobs
from gpt import PRESETS, build_model, create_run, lecture, load_run
from gpt.train.__main__ import parse
from gpt.train.loop import train
from tests.explorer.lecture import claims_chat, claims_first, claims_notes, claims_parts, claims_second
from tests.explorer.lecture.claims import MEASURED, claim, faults

NAMES = [claim(f"{kind} {n}") for kind, last in (("Version", 4), ("Note", 6), ("Row", 2)) for n in range(last + 1)]
PROMPT = "First Citizen:\nBefore we proceed any further, hear me speak."


@pytest.fixture
def turn(open_app, monkeypatch):
    """A page of the lecture with these choices, no number behind a guess, and without exercises."""
    monkeypatch.setattr(jobs, "slots", lambda: 0)  # nothing starts behind the test's back

    def turn(page, **choices):
        first = {"model": "shakespeare-char", "prompt": PROMPT, "hide": "guess,exercises"}
        app = open_app(**first | choices).switch_page(f"../pages/{page}.py").run()
        assert not app.exception and not app.error
        return app

    return turn


def check(app, claims):
    assert faults(app, [*claims, *NAMES]) == []


def train_here(runs, name, recipe, corpus=None):
    run = create_run(runs / f"lecture-{name}", recipe, corpus)
    train(run, torch.device("cpu"))
    return run


def test_one_token_at_a_time(turn):
    opened = open_model("shakespeare-char")
    drawn = list(continuation(opened, read_prompt(opened, PROMPT).ids, intro.SAMPLING))
    check(turn("intro", at="3"), claims_first.intro(PROMPT, 3, drawn))


def test_data_and_tokens(turn):
    check(turn("data"), claims_first.data())


def test_the_bigram(turn, runs):
    check(turn("bigram"), claims_first.bigram(bigram.RECIPE))
    run = train_here(runs, "bigram-table", bigram.RECIPE)
    assert any("script, at [0:38:00](" in found.value for found in turn("bigram").markdown)
    check(turn("bigram"), claims_first.bigram(bigram.RECIPE, run))


@pytest.mark.parametrize(("at", "start"), [(0, "lower triangle"), (10, "lower triangle, rows sum to 1"), (31, "ones")])
def test_the_averaging_trick(turn, at, start):
    weights = torch.ones(3, 3) if start == "ones" else torch.ones(3, 3).tril()
    weights = weights / weights.sum(1, keepdim=True) if "sum" in start else weights
    app = turn("averaging", at=str(at), start=start)
    check(app, claims_first.averaging(at, weights))
    assert any(
        "At [0:57:00]" in found.value and "from the future that cannot communicate" in found.value
        for found in app.caption
    )
    slow, fast, faster = (float(metric.value.strip("≈× ").split()[0].replace(",", "")) for metric in app.metric[1:])
    assert faster == pytest.approx(slow / fast, rel=0.02, abs=0.6)


def test_a_made_up_head(turn):
    generator = torch.Generator().manual_seed(7)
    matrices, x = lecture.random_matrices(4, 4, generator), torch.randn(8, 4, generator=generator)
    for stage in range(1, 7):
        app = turn("head", matrices=head.RANDOM, seed="7", at="4", stage=str(stage))
        check(app, claims_first.head("the king", x, matrices, 4, stage))


def test_an_untrained_head_has_no_bias(turn):
    torch.manual_seed(1337)
    model = build_model(head.RECIPE.changed(vocab_size=65).model).eval()
    assert model.blocks[0].attn.qkv.bias is None
    ids = torch.tensor(claims_first.TOKENIZER.encode("the king"))
    x = (model.embed.weight[ids] + model.pos_embed[:8]).detach()
    matrices = model.blocks[0].attn.qkv.weight.detach().T.unflatten(1, (3, 32)).transpose(0, 1)
    for stage in range(1, 7):
        app = turn("head", at="2", matrices=head.UNTRAINED, stage=str(stage))
        check(app, claims_first.head("the king", x, matrices, 2, stage))


def test_the_notes_on_attention(turn):
    model = open_model("shakespeare-char").model
    app = turn("notes", at="4", layer="1", head="2")
    check(app, [*claims_notes.messages(model, PROMPT, layer=1, head=2, at=4), *claims_notes.notes(model)])


@pytest.mark.parametrize(("causal", "reads"), [(True, crossing.SELF), (False, crossing.CROSS)])
def test_encoders_and_decoders(turn, causal, reads):
    model = open_model("shakespeare-char").model
    app = turn("mask", mask=str(causal), reads=reads)
    check(app, [*claims_notes.masks(model, decoders.RECIPES, causal, reads == crossing.CROSS)])


def test_scaled_attention(turn):
    check(turn("scaled"), [*claims_notes.scaled({size: scaled.recipes(size).values() for size in scaled.SIZES})])


@pytest.mark.parametrize("is_trained", [False, True])
def test_positions(turn, runs, is_trained):
    trained = []
    if is_trained:
        for label, recipe in positions.RECIPES.items():
            brief = recipe.changed(steps=2, eval_batches=1, eval_every=2)
            trained.append(train_here(runs, f"positions-{label.replace(', ', '-')}", brief))
    claims = claims_second.positions(open_model("shakespeare-char").model, positions.RECIPES, positions.MEASURED)
    app = turn("positions")
    check(
        app,
        [
            *claims,
            *claims_parts.added("t", (0, 5)),
            *claims_second.asked_again(positions.RECIPES["none"], 2, 2, 1),
            *map(claims_first.finished, trained),
        ],
    )
    said = " ".join(found.value for found in app.caption)
    assert ("Small sinusoids have a higher loss because of their size" in said) == is_trained


def test_several_heads(turn):
    claims = claims_second.multihead(open_model("shakespeare-char").model, PROMPT, head.RECIPE)
    check(turn("multihead"), [*claims, *claims_parts.slices(0)])


def test_the_block(turn):
    parts = [*claims_parts.one(3), *claims_parts.by_depth(8)]
    check(turn("block"), [*claims_second.block(residuals.recipes(8)), *parts])


@pytest.mark.parametrize("over", ["features", "batch"])
def test_layernorm(turn, over):
    check(turn("norms", over=over), [*claims_second.norms(norms.RECIPES["layernorm"])])


def test_the_command_of_a_measured_model_trains_that_model():
    for kind, recipe in positions.RECIPES.items():
        *_, train_command = positions.command(kind).removesuffix("; done").split("do python -m gpt.train ")
        options = parse(train_command.replace("$seed", "1337").split())
        asked = PRESETS[options.preset].changed(**dict(options.set), steps=options.steps, seed=options.seed)
        assert asked == recipe.changed(about=asked.about)


@pytest.mark.soak
@pytest.mark.parametrize("kind", positions.RECIPES)
def test_the_measured_losses_of_positions_are_reached(runs, kind):
    losses = [
        train_here(runs, f"{kind}-{seed}".replace(", ", "-"), positions.RECIPES[kind].changed(seed=seed)).metrics()[-1][
            "val_loss"
        ]
        for seed in positions.SEEDS
    ]
    assert sum(losses) / len(losses) == pytest.approx(positions.MEASURED[kind], abs=0.03)


@pytest.mark.parametrize("rung", [7, 5])
def test_scaling_up(turn, rung):
    check(
        turn("scaling", rung=str(rung)),
        claims_second.scaling(scaling.recipes()["no dropout"], scaling.CHARACTERS, rung),
    )


@pytest.mark.parametrize("at", [2, 7])
def test_encoder_and_decoder(turn, at):
    measured = alignments(open_model("translate"))
    check(turn("translate", at=str(at)), claims_chat.translate("twenty-third of march, 1984", at, 0, 2, measured))


def test_nanogpt(turn):
    app = turn("nanogpt")
    check(app, claims_chat.nanogpt())
    for row in app.dataframe[0].value.to_dict("records"):
        assert row["loop ÷ all at once"] == pytest.approx(row["loop, ms"] / row["all at once, ms"])
        assert row["all at once ÷ fused"] == pytest.approx(row["all at once, ms"] / row["fused, ms"])
    assert list(app.dataframe[-1].value["parameters"][:2]) == [804_096, 10_788_929]  # nanoGPT's and the lecture's


@pytest.mark.parametrize("question", ["Why weeps the nurse?", "Where is the king?"])
def test_chatgpt_in_miniature(turn, question):
    app = turn("chat", question=question)
    check(app, claims_chat.chat(question, stages))
    errs = any("Here the reward model is wrong" in found.value for found in app.caption)
    assert errs == (question == "Where is the king?")  # −0.47 for 0 points, −0.76 for 3


@pytest.mark.parametrize("question", ["Why weeps the nurse?", "Where is the king?"])
def test_rewards_and_policy(turn, question):
    check(turn("rewards", question=question), claims_chat.rewarded(question, rewards))


def test_conclusions(turn, runs):
    own = [load_run(runs / name) for name in ("tiny", "table")]
    tokens = sum(run.recipe.steps * run.recipe.batch_size * run.recipe.model.block_size for run in own)
    check(
        turn("conclusions"),
        [
            claim("Runs = {}", 2),
            claim("Steps taken = {}", sum(run.recipe.steps for run in own)),
            claim("Tokens read = {}", tokens),
            claim("Time of training = {}:{}", MEASURED, MEASURED),
            claim("{} of {} rungs", 0, 7),  # the runs have another text
        ],
    )
