"""Training inside a lecture page: made by a press, followed, and made anew."""

import pytest
import torch
from streamlit.testing.v1 import AppTest

from explorer.lecture.kit.training import trained
from explorer.train import jobs
from gpt import load_run
from gpt.train.loop import train

NAMES = ("lecture-test-small-rate", "lecture-test-large-rate")


def page(steps: int) -> None:
    import streamlit as st

    from explorer.lecture.kit.training import train_together
    from gpt import GPTConfig, Recipe

    recipes = {
        label: Recipe(
            model=GPTConfig(block_size=8, n_layer=0), text="sorting", steps=steps, batch_size=2, eval_batches=1, lr=lr
        )
        for label, lr in (("small rate", 0.01), ("large rate", 0.1))
    }
    train_together("test", recipes, lambda runs: st.markdown(f"drawn: {', '.join(runs)}"), about="Two tables.")


@pytest.fixture
def open_page(runs, monkeypatch):
    monkeypatch.setattr(jobs, "slots", lambda: 0)  # nothing starts behind the test's back

    def open_with(steps: int = 3) -> AppTest:
        app = AppTest.from_function(page, kwargs={"steps": steps}, default_timeout=60).run()
        assert not app.exception
        return app

    return open_with


def button(app: AppTest, label: str):
    return next(found for found in app.button if found.label == label)


def bars(app: AppTest) -> list[str]:
    return [found.proto.text for found in app.get("progress")]


def drawn(app: AppTest) -> str:
    return next(found.value for found in app.markdown if found.value.startswith("drawn"))


@pytest.fixture
def finished(open_page, runs):
    app = button(open_page(), "Train").click().run()
    for name in NAMES:
        train(load_run(runs / name), torch.device("cpu"))
    return app.run()


def test_before_the_first_training_there_is_room_for_it(open_page):
    app = open_page()
    assert bars(app) == ["**small rate** · not trained yet · 3 steps", "**large rate** · not trained yet · 3 steps"]
    assert button(app, "Stop").disabled and button(app, "Resume").disabled and drawn(app) == "drawn:"


def test_train_queues_all_of_them(open_page, runs):
    app = button(open_page(), "Train").click().run()
    assert not app.exception and [load_run(runs / name).status.state for name in NAMES] == ["queued", "queued"]
    assert load_run(runs / NAMES[1]).recipe.lr == 0.1
    assert all("Waiting for its turn" in bar for bar in bars(app))
    assert button(app, "Train again").disabled and trained("test", "small rate") is None
    app = button(app, "Stop all").click().run()
    assert [load_run(runs / name).status.state for name in NAMES] == ["stopped", "stopped"]
    button(app, "Resume all").click().run()
    assert [load_run(runs / name).status.state for name in NAMES] == ["queued", "queued"]


def test_while_one_trains_it_is_followed_and_left_alone(open_page, runs):
    app = button(open_page(), "Train").click().run()
    run = load_run(runs / NAMES[0])
    with run.lock:
        run.set_status("running", 2)
        app.run()
        assert bars(app)[0] == "**small rate** · **Training** · step 2 of 3" and "Waiting" in bars(app)[1]
        assert button(app, "Train again").disabled and not button(app, "Stop all").disabled
    app.run()
    assert "Interrupted" in bars(app)[0] and not button(app, "Resume all").disabled


def test_what_is_there_is_shown_and_made_anew_on_demand(finished, runs):
    assert all("Finished" in bar and "step 3 of 3" in bar for bar in bars(finished)) and not finished.info
    assert drawn(finished) == "drawn: small rate, large rate" and trained("test", "small rate").steps[-1] == 3
    app = button(finished, "Train again").click().run()
    assert not app.exception and [load_run(runs / name).status.state for name in NAMES] == ["queued", "queued"]
    assert not load_run(runs / NAMES[0]).steps and drawn(app) == "drawn:"


def test_another_recipe_is_told_and_leaves_what_is_shown(finished, open_page, runs):
    app = open_page(steps=5)
    assert all("step 3 of 3" in bar for bar in bars(app))
    assert len(app.info) == 2 and "steps 3 (asked for now: 5)" in app.info[0].value.replace("\\", "")
    button(app, "Train again").click().run()
    assert load_run(runs / NAMES[0]).recipe.steps == 5


def test_a_damaged_run_is_told_and_can_be_replaced(finished, runs):
    (runs / NAMES[0] / "config.json").write_text("{")
    app = finished.run()
    assert len(app.error) == 1 and drawn(app) == "drawn: large rate"
    button(app, "Train again").click().run()
    assert load_run(runs / NAMES[0]).status.state == "queued"
