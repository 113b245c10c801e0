"""The page of head scores, through the router, and its figures."""

import json
from urllib.parse import parse_qsl

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest

from explorer.figures.heatmap import head_map, pattern_heatmap
from gpt import load_run
from gpt.lens import heads
from tests.explorer.drawn import plots

PAGE = "../pages/heads.py"


@pytest.fixture
def page(open_app):
    def open_with(**choices: str) -> AppTest:
        app = open_app(**choices).switch_page(PAGE).run()
        assert not app.exception
        assert app.title[0].value == "What heads do"
        return app

    return open_with


def charts(app: AppTest) -> list[list[dict]]:
    return [json.loads(chart.spec)["data"] for chart in plots(app)]


def shown(traces: list[dict]) -> dict[tuple[int, int], str]:
    """(layer, head) → the number that the map says."""
    clicks = next(trace for trace in traces if trace.get("customdata"))
    return {tuple(place): text for place, text in zip(clicks["customdata"], clicks["text"], strict=True)}


def page_text(app: AppTest) -> str:
    links = [link.proto.label for link in app.get("page_link")]
    return "\n".join([element.value for kind in (app.markdown, app.caption) for element in kind] + links)


def test_the_maps_hold_the_models_own_scores(page, runs):
    app = page(prompt="hear me hear me")
    run = load_run(runs / "tiny")
    ids = torch.tensor([run.tokenizer.encode("hear me hear me")])
    expected = heads.head_scores(run.model(), ids)["previous token"]
    numbers = shown(charts(app)[0])
    assert len(numbers) == 6
    for place, text in numbers.items():
        assert float(text.replace("−", "-")) == pytest.approx(expected[place].item(), abs=0.006)


def test_another_score_can_be_chosen(page):
    app = page(prompt="hear me hear me")
    before = shown(charts(app)[0])
    app = app.segmented_control[0].set_value("entropy").run()
    after = shown(charts(app)[0])
    assert not app.exception and after != before and all(text[0] in "−+" for text in after.values())


def test_the_induction_models_heads_get_their_names(page):
    text = page_text(page(model="induction"))
    assert "L0H1 · previous token" in text and text.count("· induction") >= 2
    assert "random letters" in text


def test_a_badge_leads_to_its_head_and_a_model_without_induction_to_one_that_has_it(page):
    app = page(model="induction", prompt="abcabc")
    links = {link.proto.label: dict(parse_qsl(link.proto.query_string)) for link in app.get("page_link")}
    badges = {label: link for label, link in links.items() if "badge" in label}
    assert len(badges) == 4
    for label, link in badges.items():
        assert f"[L{link['layer']}H{link['head']} · " in label
        assert (link["model"], link["prompt"]) == ("induction", "abcabc")
    assert not any("Open *induction*" in label for label in links)
    links = [link.proto for link in page(prompt="hear me").get("page_link")]
    assert [link.query_string for link in links if "Open *induction*" in link.label] == ["model=induction"]


def test_an_untrained_model_gets_no_names(page):
    assert "none." in page_text(page(prompt="hear me"))


def test_without_the_letters_the_probe_is_held_out_text(page):
    assert "validation text" in page_text(page(prompt="hear me"))  # the alphabet of the test's text lacks a j


def test_a_link_opens_the_head_it_names(page):
    app = page(prompt="hear me", layer="1", head="2")
    assert any(header.value == "L1H2" for header in app.subheader)
    app = page(prompt="hear me", layer="7", head="9")
    assert any(header.value == "L1H2" for header in app.subheader) and "There is no layer 7" in page_text(app)


def test_a_prompt_without_repetition_says_so(page):
    app = page(prompt="hear").segmented_control[0].set_value("induction").run()
    assert not app.exception and "no token comes a second time" in page_text(app)
    assert set(shown(charts(app)[0]).values()) == {"–"}


@pytest.mark.parametrize("prompt", ["h", "😀<b>$x$", 300 * "hear me "])
def test_odd_prompts_are_read(page, prompt):
    assert len(charts(page(prompt=prompt))) == 3


def test_an_empty_prompt_and_a_bigram_have_an_empty_state(page):
    assert "The prompt is empty" in page_text(page(prompt=""))
    app = page(model="runs/table")
    assert "no heads" in page_text(app) and not charts(app)


def test_a_map_frames_what_is_marked_and_what_is_chosen():
    values = np.array([[0.9, -0.5], [np.nan, 0.0]])
    drawn = head_map(values, top=1.0, marked=values > 0.4, chosen=(1, 1))
    assert len(drawn.layout.shapes) == 2
    assert shown([trace.to_plotly_json() for trace in drawn.data]) == {
        (0, 0): "+0.90",
        (0, 1): "−0.50",
        (1, 0): "–",
        (1, 1): "+0.00",
    }


@pytest.mark.parametrize(
    ("values", "more"),
    [(np.zeros(3), {}), (np.zeros((2, 2)), {"marked": np.ones((1, 2), bool)}), (np.zeros((2, 2)), {"top": 0})],
)
def test_other_shapes_make_no_map(values, more):
    with pytest.raises(ValueError, match="n_layer"):
        head_map(values, **{"top": 1.0} | more)


@pytest.mark.parametrize(("T", "ticks"), [(1, 1), (32, 32), (33, 7), (256, 8)])
def test_a_pattern_names_its_tokens_while_they_fit(T, ticks):
    drawn = pattern_heatmap(np.eye(T), ["<"] * T)
    assert len(drawn.layout.xaxis.ticktext) == ticks and "&lt;" in drawn.layout.xaxis.ticktext[0]
    with pytest.raises(ValueError, match="pattern"):
        pattern_heatmap(np.eye(T), [])
