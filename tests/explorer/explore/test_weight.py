"""One weight explained on the Attention page: every number is the model's own, and the choice is the person's."""

import base64
import json

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest

from explorer.explore.attention.figures import by_distance, row_bars, strips, turned_pairs
from gpt import load_run
from tests.explorer.drawn import drawn, plots
from tests.gpt.configs import MODERN

PROMPT = "hear me speak"


@pytest.fixture
def page(open_app):
    def open_with(**choices: str) -> AppTest:
        app = open_app(**{"prompt": PROMPT} | choices)
        assert not app.exception and not app.error
        return app

    return open_with


def chart(app: AppTest, alt: str) -> list[dict]:
    return next(json.loads(found.spec)["data"] for found in plots(app) if alt in found.alt)


def numbers(values) -> np.ndarray:
    if isinstance(values, dict):  # typed bytes
        flat = np.frombuffer(base64.b64decode(values["bdata"]), values["dtype"])
        return flat.reshape([int(n) for n in values["shape"].split(",")]) if "shape" in values else flat
    return np.array(values, dtype=float)


def stated(app: AppTest, label: str) -> float:
    """The number under this label."""
    texts = [element.value for element in app.markdown if element.value.startswith(f":small[{label}")]
    return float(texts[0].split("**")[1].replace("−", "-").rstrip("%°"))


def picked(app: AppTest) -> list[int]:
    return [app.selectbox(key=f"widget:{name}").value for name in ("layer", "head", "query", "key")]


def asked(app: AppTest) -> list:
    """The head and the cell that the page asks the view to show, and the click before it."""
    data = drawn(app)[0].proto.bytes
    look = json.loads(data[4 : 4 + int.from_bytes(data[:4], "little")])["look"]
    return [look["head"], look["at"], look["cell"]]


def test_the_tables_are_drawn_once_they_are_opened(page):
    app = page(layer="1", head="2", query="9", key="4")
    assert not app.dataframe
    app.session_state["weight: numbers"] = True
    features, keys = (table.value for table in app.run().dataframe)
    assert features["q × k"].sum() == pytest.approx(stated(app, "q · k"), rel=1e-3)
    assert keys["weight"][:10].sum() == pytest.approx(1) and keys["weight"][10:].isna().all()


def test_a_link_explains_the_weight_it_names_step_by_step(page, runs):
    app = page(layer="1", head="2", query="9", key="4")
    run = load_run(runs / "tiny")
    with torch.inference_mode():
        _, cache = run.model().run_with_cache(torch.tensor([run.tokenizer.encode(PROMPT)]), "blocks.1.attn.*")
    q, k, v = (cache[name, 1][0, :, 2].double().numpy() for name in "qkv")
    scores, pattern = (cache[name, 1][0, 2, 9].double().numpy() for name in ("attn_scores", "pattern"))

    assert picked(app) == [1, 2, 9, 4] and asked(app) == [[1, 2], 0, [9, 4]]
    assert stated(app, "q · k") == pytest.approx(q[9] @ k[4], rel=1e-3)
    assert stated(app, "× 1/√4") == 0.5
    assert stated(app, "= score") == pytest.approx(scores[4], rel=1e-3)
    assert (
        stated(app, "= weight")
        == pytest.approx(pattern[4], abs=1e-4)
        == pytest.approx(stated(app, "In the heatmap"), abs=1e-4)
    )
    assert stated(app, "Difference") < 3e-5
    assert stated(app, "All keys together") == 100

    rows = [numbers(bars["y"]) for bars in chart(app, "Scores and weights")]
    np.testing.assert_allclose(rows[0], scores[:10], atol=1e-5)
    np.testing.assert_allclose(rows[1] / rows[1].sum(), pattern[:10], atol=1e-5)
    np.testing.assert_allclose(rows[2], pattern[:10], atol=1e-5)
    assert numbers(chart(app, "Shares of z")[0]["y"]).sum() == pytest.approx(1)
    text = chart(app, "their product feature by feature")[0]["text"]
    assert [float(cell.split("<br>")[1]) for cell in text[2]] == pytest.approx(q[9] * k[4], rel=1e-4)
    carried = chart(app, "v of the key, weighted")[0]["text"][1]
    assert [float(cell.split("<br>")[1]) for cell in carried] == pytest.approx(pattern[4] * v[4], rel=1e-3, abs=1e-7)


def test_without_a_choice_the_weight_that_the_view_names_is_explained(page):
    app = page()
    _, _, query, key = picked(app)
    assert query == len(PROMPT) // 2 and query >= max(key, 1) and app.query_params.get("query") is None
    assert stated(app, "= weight") == pytest.approx(max(numbers(chart(app, "Scores and weights")[2]["y"])), abs=1e-4)


def test_picking_one_of_the_four_chooses_them_all(page):
    app = page(layer="1", head="2")
    query, key = picked(app)[2:]
    app = app.selectbox(key="widget:query").set_value(11).run()
    chosen = {name: app.query_params[name] for name in ("layer", "head", "query", "key")}
    assert chosen == {"layer": "1", "head": "2", "query": "11", "key": str(key)} and query != 11
    assert asked(app) == [[1, 2], 0, [11, key]] and picked(app) == [1, 2, 11, key]


def test_a_masked_cell_has_a_score_and_no_weight(page):
    app = page(layer="0", head="0", query="2", key="7")
    assert any("Key 7 comes after query 2" in element.value for element in app.markdown)
    assert np.isfinite(stated(app, "= score")) and len(chart(app, "Scores and weights")[0]["x"]["bdata"]) > 0
    assert stated(app, "This key's share") == 0


@pytest.mark.parametrize(("query", "key"), [("99", "0"), ("0", "13"), ("-1", "0"), ("x", "<b>"), ("٣", "1")])
def test_a_cell_that_is_not_there_is_reported(page, query, key):
    app = page(query=query, key=key)
    captions = "\n".join(caption.value for caption in app.caption)
    assert (
        ("There is no query" in captions or "There is no key" in captions)
        and "<b>" not in captions
        and asked(app)[2] is None
    )


@pytest.mark.parametrize("prompt", ["e", 40 * "e", "<script>😀"])
def test_any_prompt_is_explained(page, prompt):
    assert 0 < stated(page(prompt=prompt), "= weight") <= 1


def test_a_model_without_scale_and_mask_is_explained_as_it_is(page, train_kind):
    kind = train_kind(scale=False, causal=False, norm="none", positions="none")
    app = page(model=kind, query="2", key="9", layer="0", head="1")
    assert stated(app, "× 1") == 1 and stated(app, "Difference") < 3e-5
    assert len(numbers(chart(app, "Scores and weights")[2]["y"])) == len(PROMPT)


def test_a_model_of_today_is_explained_with_its_rotation_groups_and_window(page, runs, train_kind):
    app = page(model=train_kind(**MODERN), query="9", key="6", layer="0", head="3")
    run = load_run(runs / "kind")
    _, cache = run.model().run_with_cache(torch.tensor([run.tokenizer.encode(PROMPT)]), "blocks.0.attn.*")
    scores = cache["attn_scores", 0][0, 3, 9].numpy()
    said = "\n".join(element.value for element in app.markdown)
    assert "key and value head 1**, and so does head 2" in said and "q and k are normalised and turned" in said
    assert stated(app, "= score") == pytest.approx(scores[6], rel=1e-3)
    assert stated(app, "Difference") < 3e-5 and stated(app, "Distance, tokens") == 3
    assert stated(app, "Turned") == pytest.approx(stated(app, "q · k"), rel=1e-3)  # all features are turned
    assert stated(app, "Angle of the first pair") == pytest.approx(np.degrees(3), rel=1e-3)
    at_distance = numbers(chart(app, "Score by distance")[0]["y"])
    assert at_distance[3] == pytest.approx(scores[6], abs=1e-5) and len(at_distance) == len(PROMPT)
    assert len(numbers(chart(app, "Scores and weights")[2]["y"])) == 5  # the window

    app = page(model="runs/kind", query="9", key="2", layer="0", head="0")
    said = "\n".join(element.value for element in app.markdown)
    assert "Key 2 is before the last 5 tokens that query 9 reads" in said


def test_figures_refuse_what_does_not_fit_and_draw_what_exists():
    ones, there = np.ones(4), np.array([True, True, False, False])
    for draw in (
        lambda: strips({"q": ones, "k": np.ones(3)}, [1, 1]),
        lambda: strips({"q": ones}, [1, 1]),
        lambda: row_bars({"score": ones}, ["a"], there, 0),
        lambda: row_bars({"score": ones}, list("abcd"), there, 4),
        lambda: turned_pairs(ones, ones, np.ones(3)),
        lambda: by_distance(ones, 4),
    ):
        with pytest.raises(ValueError):
            draw()
    drawn = row_bars({"score": np.array([0.5, 1, np.nan, 3])}, ["<b>", *"bcd"], there, 3)
    assert list(drawn.data[0].x) == [0, 1] and "masked: 2 to 3" in str(drawn.layout.annotations)
    assert "<b>" not in drawn.data[0].text[0].split("<br>")[0]
    window = row_bars({"score": np.arange(30.0)}, 30 * ["a"], np.arange(30) // 4 == 5, 21)
    notes = [note.text for note in window.layout.annotations]
    assert list(window.data[0].x) == [20, 21, 22, 23] and notes[1:] == ["masked: 0 to 19", "masked: 24 to 29"]
    assert list(window.layout.xaxis.range) == [17.5, 25.5]
    assert not np.isnan(strips({"q": 0 * ones}, [0]).data[0].z).any()
