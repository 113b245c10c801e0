"""What a link holds: every control that changes what a page shows, and nothing that a person did not choose."""

import pytest

from explorer.explore.interventions import measuring
from tests.explorer.drawn import drawn

# page, what the link asks for, the control and what it shows, another pick, and the link after it
CONTROLS = {
    "score of the heads": ("heads", {"score": "induction"}, "score", "induction", "entropy", "entropy"),
    "colour of the lens": ("logits", {"color": "KL"}, "color", "KL", "rank", "rank"),
    "whole prompt in the lens": ("logits", {"whole": "True"}, "all-positions", True, False, "False"),
    "norms taken out": ("residual", {"out": "only final"}, "taken-out", "only final", "all of them", "all of them"),
}
PROMPT = "hear me speak hear me speak"  # more tokens than the lens shows at a time


@pytest.fixture
def page(open_app):
    return lambda name, **choices: open_app(**{"prompt": PROMPT} | choices).switch_page(f"../pages/{name}.py").run()


def address(app) -> dict[str, str]:
    return {name: value[-1] if isinstance(value, list) else value for name, value in app.query_params.items()}


def control(app, name: str):
    return next(
        widget for kind in ("button_group", "toggle") for widget in app.get(kind) if widget.key == f"widget:{name}"
    )


@pytest.mark.parametrize("case", CONTROLS)
def test_a_link_opens_what_it_was_copied_from(page, case):
    name, link, choice, shown, other, said = CONTROLS[case]
    app = page(name, **link)
    assert not app.exception and control(app, choice).value == shown
    app = control(app, choice).set_value(other).run()
    again = page(name, **address(app))
    assert address(app)[choice] == said and control(again, choice).value == other and address(again) == address(app)


@pytest.mark.parametrize("case", CONTROLS)
def test_what_a_link_cannot_mean_opens_as_if_it_were_not_there(page, case):
    name, _, choice, *_ = CONTROLS[case]
    assert control(page(name, **{choice: "<b>"}), choice).value == control(page(name), choice).value


@pytest.mark.parametrize(
    ("name", "link"),
    [
        ("attention", {"query": "20", "key": "3"}),
        ("residual", {"position": "20"}),
        ("logits", {"position": "20"}),
        ("flow", {"position": "20"}),
    ],
)
def test_a_place_that_the_next_prompt_does_not_have_is_dropped_in_one_sentence(page, name, link):
    app = page(name, **link)
    assert address(app).items() >= link.items()
    app = app.text_area(key="widget:prompt").set_value("hear me").run()
    assert not app.exception and any("There is no" in caption.value for caption in app.caption)
    assert address(app) == {"model": "runs/tiny", "prompt": "hear me"}
    app = app.text_area(key="widget:prompt").set_value(PROMPT).run()
    assert not any("There is no" in caption.value for caption in app.caption)
    assert address(app) == {"model": "runs/tiny", "prompt": PROMPT}


def test_a_pick_of_the_layer_keeps_the_head_that_was_shown(page):
    app = page("heads")
    layer, head = (app.selectbox(key=f"widget:{name}") for name in ("layer", "head"))
    app = layer.set_value(1 - layer.value).run()
    assert app.selectbox(key="widget:head").value == head.value


def test_time_travel_names_one_run(page):
    app = page("timetravel", model="runs/tiny", run="table")
    assert not app.exception and "run" not in address(app)
    assert address(page("timetravel", model="runs/tiny", run="tiny"))["run"] == "tiny"


def test_a_choice_that_is_unmade_elsewhere_unlocks_the_view(page):
    app = page("attention", layer="1", head="2")
    assert (address(app)["layer"], address(app)["head"]) == ("1", "2")
    app.query_params.clear()
    app.query_params["prompt"] = "hear me"
    app = app.run()
    assert not app.exception and address(app) == {"prompt": "hear me"}


def test_a_link_opens_the_score_curves_of_time_travel(page):
    film = drawn(page("timetravel", score="entropy"))[-1].proto.bytes
    assert b'"kind": "entropy"' in film


def test_a_link_opens_the_chunk_of_a_batch(page):
    app = page("tokens", text="addition", chunk="2")
    assert any("Row 3 as 8 examples" in found.value for found in app.markdown) and address(app)["chunk"] == "2"
    assert not page("tokens", text="addition", chunk="99").exception


def test_a_link_opens_the_layers_that_are_patched(page, monkeypatch):
    monkeypatch.setattr(measuring, "LONG", 0)  # seconds: the slider is there
    assert page("interventions", patched="1,1").slider(key="widget:patched").value == (1, 1)
    app = page("interventions", patched="1,0")
    app = app.slider(key="widget:patched").set_value((0, 0)).run()
    assert not app.exception and address(app)["patched"] == "0,0"


def test_one_token_is_one(page):
    captions = [caption.value for caption in page("attention", prompt="e").caption]
    assert "1 token." in captions and not any("1 tokens" in caption for caption in captions)
