"""One weight explained on the Attention page: every number is the model's own, and the choice is the person's."""

import base64
import json

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest

from explorer.explore.attention.figures import row_bars, strips
from gpt import Corpus, GPTConfig, Recipe, create_run, load_run
from gpt.train.loop import train
from tests.explorer.drawn import drawn

PROMPT = "hear me speak"


@pytest.fixture
def page(open_app):
    def open_with(**choices: str) -> AppTest:
        app = open_app(**{"prompt": PROMPT} | choices)
        assert not app.exception and not app.error
        return app

    return open_with


def chart(app: AppTest, alt: str) -> list[dict]:
    return next(json.loads(found.proto.spec)["data"] for found in app.get("plotly_chart") if alt in str(found.proto))


def numbers(values) -> np.ndarray:
    if isinstance(values, dict):  # typed bytes
        flat = np.frombuffer(base64.b64decode(values["bdata"]), values["dtype"])
        return flat.reshape([int(n) for n in values["shape"].split(",")]) if "shape" in values else flat
    return np.array(values, dtype=float)


def stated(app: AppTest, label: str) -> float:
    """The number under this label."""
    texts = [element.value for element in app.markdown if element.value.startswith(f":small[{label}")]
    return float(texts[0].split("**")[1].replace("−", "-").rstrip("%"))


def picked(app: AppTest) -> list[int]:
    return [app.selectbox(key=f"widget:{name}").value for name in ("layer", "head", "query", "key")]


def asked(app: AppTest) -> list:
    """The head and the cell that the page asks the view to show, and the click before it."""
    data = drawn(app)[0].proto.bytes
    look = json.loads(data[4 : 4 + int.from_bytes(data[:4], "little")])["look"]
    return [look["head"], look["at"], look["cell"]]


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


def test_a_model_without_scale_and_mask_is_explained_as_it_is(page, runs):
    model = GPTConfig(
        block_size=32, n_layer=1, n_head=2, n_embd=8, scale=False, causal=False, norm="none", positions="none"
    )
    recipe = Recipe(model=model, text="own", steps=1, batch_size=2, eval_batches=1, snapshots=1)
    text = 40 * "hear me speak, friends\n"
    train(create_run(runs / "kind", recipe, Corpus("own", text, "made for a test")), torch.device("cpu"))
    app = page(model="runs/kind", query="2", key="9", layer="0", head="1")
    assert stated(app, "× 1") == 1 and stated(app, "Difference") < 3e-5
    assert len(numbers(chart(app, "Scores and weights")[2]["y"])) == len(PROMPT)


def test_figures_refuse_what_does_not_fit_and_draw_what_exists():
    ones, there = np.ones(4), np.array([True, True, False, False])
    for draw in (
        lambda: strips({"q": ones, "k": np.ones(3)}, [1, 1]),
        lambda: strips({"q": ones}, [1, 1]),
        lambda: row_bars({"score": ones}, ["a"], there, 0),
        lambda: row_bars({"score": ones}, list("abcd"), there, 4),
    ):
        with pytest.raises(ValueError):
            draw()
    drawn = row_bars({"score": np.array([0.5, 1, np.nan, 3])}, ["<b>", *"bcd"], there, 3)
    assert list(drawn.data[0].x) == [0, 1] and "masked: 2 to 3" in str(drawn.layout.annotations)
    assert "<b>" not in drawn.data[0].text[0].split("<br>")[0]
    assert not np.isnan(strips({"q": 0 * ones}, [0]).data[0].z).any()
