"""The models that ship are as docs/models.md describes them."""

from itertools import pairwise
from pathlib import Path

import pytest
import torch

from gpt import PRESETS, Bigram, load_corpus, load_run
from gpt.lens.alignment import on_dates
from gpt.text import dialogue
from gpt.text.batches import split_ids
from gpt.text.pairs import encode_pairs, read_pairs, split_pairs
from gpt.text.sums import questions_apart
from gpt.text.tasks import repeated_sequence
from gpt.train.objectives.answers import as_tensors, draw_answers, texts_of
from gpt.train.objectives.grpo import answer_questions, right_share
from gpt.train.objectives.language import estimate_loss
from gpt.train.objectives.reward import rewards
from gpt.train.objectives.translation import exact_share

MODELS = Path(__file__).resolve().parents[2] / "assets" / "models"
PERIOD = 20


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in (folder / "snapshots").iterdir())


def validation_loss(name: str) -> float:
    run = load_run(MODELS / name)
    _, val = split_ids(run.tokenizer.encode(run.corpus().text))
    return estimate_loss(run.model(), val, run.recipe)


def test_the_character_model_is_small_and_good():
    assert size(MODELS / "shakespeare-char") <= 4_000_000
    assert validation_loss("shakespeare-char") <= 1.60


def test_its_bigram_stands_where_the_lecture_puts_it():
    assert isinstance(load_run(MODELS / "shakespeare-bigram").model(), Bigram)
    assert validation_loss("shakespeare-bigram") == pytest.approx(2.49, abs=0.04)


def test_the_induction_run_keeps_its_whole_life():
    steps = load_run(MODELS / "induction").steps
    assert size(MODELS / "induction") <= 6_000_000
    assert steps[0] == 0 and 38 <= len(steps) <= 42
    early = [step for step in steps if 0 < step <= steps[-1] / 4]
    assert all(later / earlier < 1.5 for earlier, later in pairwise(early))


def induction_scores(step: int | None = None) -> torch.Tensor:
    """Weight on the token after the previous copy, mean over the second copy: (n_layer, n_head)."""
    run = load_run(MODELS / "induction")
    ids = torch.tensor([run.tokenizer.encode(repeated_sequence(PERIOD, seed=seed)) for seed in range(10)])
    _, cache = run.model(step).run_with_cache(ids, names="blocks.*.attn.hook_pattern")
    queries = torch.arange(PERIOD, 2 * PERIOD)
    return torch.stack(
        [cache["pattern", layer][:, :, queries, queries - PERIOD + 1].mean((0, 2)) for layer in range(2)]
    )


def test_the_second_layer_has_induction_heads_and_the_first_has_none():
    first, second = induction_scores()
    assert (second > 0.8).sum() >= 2
    assert (first < 0.1).all()
    assert (induction_scores(step=0) < 0.1).all()


def test_it_copies_what_it_saw_once():
    run = load_run(MODELS / "induction")
    ids = torch.tensor([run.tokenizer.encode(repeated_sequence(PERIOD, seed=99))])
    guessed = run.model()(ids)[0, PERIOD:-1].argmax(-1)
    assert (guessed == ids[0, PERIOD + 1 :]).all()


def test_the_translator_turns_validation_dates_into_digits():
    run = load_run(MODELS / "translate")
    train, validation = split_pairs(read_pairs(run.corpus().text))
    known = {digits for _, digits in train}
    unseen = [pair for pair in validation if pair[1] not in known]  # in no other wording either
    pairs = encode_pairs(unseen, run.tokenizer, run.recipe.model.block_size)
    assert len(pairs) > 1000 and exact_share(run.model(), pairs, run.tokenizer.encode(">\n")) >= 0.99
    assert (
        sum(path.stat().st_size for path in (MODELS / "translate").rglob("*") if path.parent.name != "resume")
        <= 3_000_000
    )
    assert len(run.steps) >= 8


def test_one_of_its_heads_is_aligned():
    run = load_run(MODELS / "translate")
    assert on_dates(run.model(), run.tokenizer)["alignment"].max() > 0.6


CHAT = ("shakespeare-char", "chat-finetune", "chat-policy")


def answers(name: str) -> tuple[list[str], list[str]]:
    """Questions that no stage was trained on, and what the model answers under one seed."""
    run = load_run(MODELS / name)
    _, validation = dialogue.split(dialogue.exchanges_in(load_corpus("dialogues").text))
    questions = list(dict.fromkeys(exchange.question for exchange in validation))
    drawn = draw_answers(run.model(), questions, run.tokenizer, torch.Generator().manual_seed(7))
    return questions, texts_of(*drawn, run.tokenizer)


def test_each_stage_of_chat_is_preferred_to_the_one_before():
    means = []
    for name in CHAT:
        points = [dialogue.preference(*pair) for pair in zip(*answers(name), strict=True)]
        means.append(sum(points) / len(points))
    pretrained, finetuned, policy = means
    assert pretrained + 1 < finetuned and finetuned + 0.5 < policy


def test_the_stages_of_chat_follow_one_another_and_are_small():
    stages = [load_run(MODELS / name) for name in ("chat-finetune", "chat-reward", "chat-policy")]
    assert [run.parent.run for run in stages] == ["shakespeare-char", "chat-finetune", "chat-finetune"]
    assert all(run.parent.stage for run in stages)
    assert [run.recipe for run in stages] == [PRESETS[run.name] for run in stages]
    assert sum(file.stat().st_size for run in stages for file in run.folder.rglob("*") if file.is_file()) <= 12_000_000


def test_the_reward_model_orders_pairs_that_it_never_saw():
    run = load_run(MODELS / "chat-reward")
    _, validation = dialogue.split(dialogue.exchanges_in(run.corpus().text))
    pairs = dialogue.pairs(validation)
    written = as_tensors([answer for pair in pairs for answer in pair], run.tokenizer, run.recipe.model.block_size)
    with torch.inference_mode():
        preferred, other = rewards(run.model(), *written).view(-1, 2).unbind(1)
    assert (preferred > other).double().mean() >= 0.95


def test_the_leash_has_held_the_policy_that_ships():
    rows = [row for row in load_run(MODELS / "chat-policy").metrics() if "kl" in row]
    assert rows[0]["kl"] == pytest.approx(0, abs=1e-3) and 0.5 < rows[-1]["kl"] < 8
    assert rows[-1]["reward"] > rows[0]["reward"] + 3


def test_the_models_of_sums_are_small_and_grpo_gets_better_than_its_examples():
    shares = []
    for name in ("sums", "sums-grpo"):
        run = load_run(MODELS / name)
        assert size(MODELS / name) <= 250_000
        questions = questions_apart()
        answers = answer_questions(run.model(), questions, run.tokenizer, torch.Generator().manual_seed(0))
        shares.append(right_share(questions, texts_of(*answers, run.tokenizer)))
    assert shares == pytest.approx([0.386, 0.789], abs=0.01)  # half of the examples are right
