import json
import shutil

import pytest
import torch

from gpt import Corpus, Recipe, RunError, create_run, load_run
from gpt.train.fork import fork_run
from gpt.train.loop import train
from gpt.train.ranks import Ranks

CPU = torch.device("cpu")
OBJECTIVES = ("finetune", "reward", "ppo", "dpo")
LOGGED = {
    "finetune": {"val_loss", "preference"},
    "reward": {"val_loss", "accuracy"},
    "ppo": {"reward", "preference", "kl", "entropy"},
    "dpo": {"val_loss", "accuracy", "kl", "preference"},
}


def losses(run):
    return [row.get("train_loss") for row in run.metrics()]


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_a_stage_stopped_anywhere_resumes_as_if_it_had_not_been(stage, objective):
    whole, parts = stage(objective), stage(objective)
    train(whole, CPU)
    for stop in (1, 4):  # in the middle of what PPO does with one batch of answers
        train(
            load_run(parts.folder),
            CPU,
            lambda row, stop=stop: parts.stop_request.touch() if row["step"] == stop else None,
        )
        assert parts.status.state == "stopped"
    train(load_run(parts.folder), CPU)
    assert whole.status.state == parts.status.state == "finished"
    assert losses(whole) == losses(parts) and len(losses(whole)) == 9
    mine, theirs = (run.model().state_dict() for run in (whole, parts))
    assert all(torch.equal(mine[name], theirs[name]) for name in theirs)
    measured = [row for row in parts.metrics() if LOGGED[objective] <= row.keys()]
    assert [row["step"] for row in measured] == [0, 4, 8]
    assert parts.samples()[-1]["step"] == 8 and parts.samples()[-1]["text"]


def test_a_stage_remembers_where_it_began_and_counts_its_own_steps(stage, parent):
    run = load_run(stage("finetune").folder)
    assert (run.parent.run, run.parent.step, run.parent.stage) == ("pretrained", 2, True)
    assert run.parent.changed["objective"] == "finetune" and run.began_at == 0
    train(run, CPU)
    assert run.steps[0] == 0 and run.steps[-1] == 8
    first, theirs = run.model(0).state_dict(), parent.model().state_dict()
    assert all(torch.equal(first[name], theirs[name]) for name in theirs)


def test_a_policy_has_its_own_copies_of_the_frozen_models(stage, runs, tmp_path):
    """The run goes on, and to the same end, when the runs that it began with are gone; a fork of it as well."""
    whole, moved = stage("ppo"), stage("ppo")
    train(whole, CPU)
    moved_folder = tmp_path / "moved"
    shutil.move(moved.folder, moved_folder)
    train(load_run(moved_folder), CPU)
    assert losses(load_run(moved_folder)) == losses(whole)
    child, parts = (
        fork_run(load_run(moved_folder), None, tmp_path / name, steps=12, kl_weight=0.0) for name in ("child", "parts")
    )
    assert not child.parent.stage and child.began_at == 8
    train(child, CPU)
    assert child.status.state == "finished" and child.steps[-1] == 12
    train(
        parts, CPU, lambda row: parts.stop_request.touch() if row["step"] == 8 else None
    )  # its batch will be used twice more
    train(load_run(parts.folder), CPU)
    assert losses(parts) == losses(child)


def test_two_processes_share_a_stages_batches(stage):
    """Each rank draws the whole batch and takes its share; one rank with micro-batches is the same sum."""
    whole, parts = stage("ppo"), stage("ppo")
    train(whole, CPU)
    train(parts, CPU, ranks=Ranks(), micro_batches=2)
    assert losses(parts) == pytest.approx([*losses(whole)[:-1], None], abs=1e-4)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"start": "nowhere"}, "no run called 'nowhere'"),
        ({"n_layer": 3}, "blocks.2"),
        ({"n_layer": 1}, "blocks.1"),
        ({"n_embd": 16}, "same sizes"),
        ({"objective": "ppo", "reward": "pretrained"}, "no reward model"),
        ({"objective": "ppo", "reward": "nowhere"}, "no run called 'nowhere'"),
    ],
)  # fmt: skip
def test_what_cannot_begin_is_told_and_leaves_no_folder(runs, tmp_path, changes, why):
    recipe = load_run(runs / "pretrained").recipe.changed(**{"objective": "finetune", "start": "pretrained", **changes})
    with pytest.raises(RunError, match=why):
        create_run(runs / "refused", recipe)
    assert not (runs / "refused").exists()


def test_a_run_without_a_snapshot_begins_nothing(runs):
    recipe = load_run(runs / "pretrained").recipe
    waiting = create_run(runs / "waiting", recipe.changed(objective="reward", start="pretrained", n_layer=1))
    for changes in (
        {"objective": "finetune", "start": "waiting"},
        {"objective": "ppo", "start": "pretrained", "reward": "waiting"},
    ):
        with pytest.raises(RunError, match="'waiting' has no snapshot"):
            create_run(runs / "refused", recipe.changed(**changes))
        assert not (runs / "refused").exists()
    shutil.rmtree(waiting.folder)


@pytest.mark.parametrize("name", ["../pretrained", "a/b", "..", ".", "a\\b", "/etc"])
@pytest.mark.parametrize("field", ["start", "reward"])
def test_no_name_leads_out_of_a_folder(name, field):
    with pytest.raises(ValueError, match=rf"Recipe\.{field}="):
        Recipe(**{field: name})


def test_a_policy_needs_the_names_of_what_it_leans_on():
    with pytest.raises(ValueError, match=r"Recipe\.start=''.*'dpo' needs"):
        Recipe(objective="dpo")
    with pytest.raises(ValueError, match=r"Recipe\.reward=''.*'ppo' needs"):
        Recipe(objective="ppo", start="pretrained")


def test_a_text_without_answers_is_refused_before_a_folder_is_made(runs):
    recipe = load_run(runs / "pretrained").recipe.changed(objective="finetune", start="pretrained")
    with pytest.raises(RunError, match=r"the text 'own' has 0 answers to train on.*\"Question:\""):
        create_run(runs / "silent", recipe, Corpus("own", "the king is in the tower. " * 20, "made up"))
    assert not (runs / "silent").exists()


def test_answers_that_are_all_as_good_teach_no_preference(runs):
    text = "".join(f"Question:\nWho is the {who}?\n\nAnswer:\nI.\n\n" for who in 10 * ("king", "fool") + 2 * ("nurse",))
    recipe = load_run(runs / "pretrained").recipe.changed(objective="reward", start="pretrained")
    with pytest.raises(RunError, match="no two to the same question differ in preference"):
        create_run(runs / "even", recipe, Corpus("own", text, "made up"))
    assert not (runs / "even").exists()


def test_an_alien_lineage_is_refused(stage):
    run = stage("finetune")
    config = json.loads((run.folder / "config.json").read_text(encoding="utf-8"))
    config["parent"]["stage"] = "yes"
    (run.folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(RunError, match="no parent"):
        load_run(run.folder)
