"""The difference mode of the Attention page: what is compared, what it says, and its empty states."""

import csv
import io

import numpy as np
import pytest
import torch
from safetensors.numpy import load

from explorer.components.attention_view import Arrangement
from explorer.explore.attention.difference import compare
from explorer.explore.attention.difference_files import COLUMNS, DrawnDifference
from explorer.explore.attention.sides import Side
from explorer.opened import open_model
from explorer.shared.prompt import read_prompt
from gpt import Corpus, GPTConfig, Recipe, create_run, load_run
from gpt.lens.difference import moved_weight
from gpt.lens.interventions import head_off, to_previous_token
from gpt.lens.sink import without_first_token
from gpt.train.loop import train
from tests.explorer.conftest import TEXT
from tests.explorer.explore.test_attention import header

PROMPT, SECOND = "hear me speak", "hear my speak"


def pattern(folder, text: str, hooks=None, step=None) -> torch.Tensor:
    """(n_layer, n_head, T, T) of a run's model."""
    run = load_run(folder)
    model, ids = run.model(step), torch.tensor([run.tokenizer.encode(text)])
    with model.hooks(hooks or {}), torch.inference_mode():
        _, cache = model.run_with_cache(ids, "blocks.*.attn.hook_pattern")
    return torch.stack([cache["pattern", layer][0] for layer in range(model.config.n_layer)])


def said(app) -> str:
    return "\n".join(element.value for kind in (app.markdown, app.caption, app.warning, app.error) for element in kind)


def moved(app) -> np.ndarray:
    """What the view was told that each head has moved."""
    return np.array(header(app)["difference"]["moved"])


def test_it_is_off_until_it_is_chosen(open_app):
    app = open_app(prompt=PROMPT)
    assert not app.exception and "difference" not in header(app)
    app.selectbox(key="widget:difference").select("prompts").run()
    assert not app.exception and header(app)["difference"]["tokens"]
    assert app.query_params["difference"] == "prompts"


def test_two_prompts(open_app, runs):
    app = open_app(difference="prompts", prompt=PROMPT, **{"second-prompt": SECOND})
    assert not app.exception
    expected = moved_weight(pattern(runs / "tiny", PROMPT), pattern(runs / "tiny", SECOND))
    np.testing.assert_allclose(moved(app), expected, atol=1e-4)
    sent = header(app)
    assert "".join(sent["tokens"]) == "hear·me·speak" and "".join(sent["difference"]["tokens"]) == "hear·my·speak"
    assert sent["look"]["order"] == "change" and list(sent["arrange"]["scores"]) == ["change"]
    layer, head = divmod(int(expected.argmax()), 3)
    assert sent["opening"] == [layer, head]
    assert f"Changed most: **L{layer}H{head}** (below 0.01), " in said(app), "two steps of training teach little"


def test_prompts_of_unequal_lengths(open_app):
    app = open_app(difference="prompts", prompt=PROMPT, **{"second-prompt": "hear me"})
    assert not app.exception and "The prompt has 13 tokens, the second prompt 7." in said(app)
    assert "Add 6 tokens in the second prompt." in said(app)
    app.text_area(key="widget:second-prompt").input("hear me speaks").run()
    assert "Remove 1 token in the second prompt." in said(app)
    app.text_area(key="widget:second-prompt").input("").run()
    assert not app.exception and "the second prompt 0" in said(app)


def test_equal_sides_say_so(open_app):
    app = open_app(difference="prompts", prompt=PROMPT, **{"second-prompt": PROMPT})
    assert "No head changed: the patterns of A and B are the same." in said(app)
    assert (moved(app) == 0).all() and header(app)["difference"]["tokens"] is None


def test_two_snapshots(open_app, runs):
    app = open_app(difference="snapshots", prompt=PROMPT, **{"second-step": "0"})
    steps = load_run(runs / "tiny").steps
    expected = moved_weight(pattern(runs / "tiny", PROMPT, step=0), pattern(runs / "tiny", PROMPT, step=steps[-1]))
    np.testing.assert_allclose(moved(app), expected, atol=1e-4)
    assert f"A: step 0. B: step {steps[-1]}." in said(app).replace("\\", "")


def test_a_model_with_one_snapshot(open_app):
    app = open_app(model="shakespeare-char", difference="snapshots", prompt=PROMPT)
    assert not app.exception and "This model has only one snapshot." in said(app)


@pytest.fixture
def other_models(runs):
    for name, sizes in (("twin", (2, 3)), ("deep", (3, 2))):
        config = GPTConfig(block_size=32, n_layer=sizes[0], n_head=sizes[1], n_embd=12)
        recipe = Recipe(model=config, text="own", steps=1, batch_size=2, eval_batches=1, snapshots=1, seed=7)
        train(create_run(runs / name, recipe, Corpus("own", TEXT, "made for a test")), torch.device("cpu"))
    return runs


def test_two_models(open_app, other_models):
    app = open_app(difference="models", prompt=PROMPT)
    assert header(app)["difference"], "the first other model of the same shape is the second one"
    app = open_app(difference="models", prompt=PROMPT, **{"second-model": "runs/twin"})
    assert not app.exception
    expected = moved_weight(pattern(other_models / "tiny", PROMPT), pattern(other_models / "twin", PROMPT))
    np.testing.assert_allclose(moved(app), expected, atol=1e-4)


def test_models_of_other_shapes_or_tokens_do_not_compare(open_app, other_models):
    app = open_app(difference="models", prompt=PROMPT, **{"second-model": "runs/deep"})
    assert "They have 2 and 3 layers, and 3 and 2 heads per layer. Pick a second model of the same shape." in said(app)
    long = 40 * "a"
    app = open_app(difference="models", prompt=long, **{"second-model": "shakespeare-char"})
    assert not app.exception and "do not compare head by head" in said(app)


def test_interventions(open_app, runs):
    app = open_app(difference="interventions", prompt=PROMPT, changes="zero-0-1~previous-1-0")
    assert not app.exception and "Kept changes: Head off: zero, L0H1" in said(app).replace("\\", "")
    hooks = {**head_off(0, 1), **to_previous_token(1, 0)}
    expected = moved_weight(pattern(runs / "tiny", PROMPT), pattern(runs / "tiny", PROMPT, hooks))
    np.testing.assert_allclose(moved(app), expected, atol=1e-4)
    assert (moved(app)[0] == 0).all(), "no change comes before the first layer"
    assert moved(app)[1, 0] > 0.1
    assert f"Changed most: **L1H0** ({moved(app)[1, 0]:.2f})" in said(app)


def test_the_first_token_can_be_hidden_on_both_sides(open_app, runs):
    app = open_app(difference="prompts", prompt=PROMPT, **{"second-prompt": SECOND, "hide-first-token": "True"})
    sides = (without_first_token(pattern(runs / "tiny", text)) for text in (PROMPT, SECOND))
    np.testing.assert_allclose(moved(app), moved_weight(*sides), atol=1e-4)
    assert header(app)["hides_first"] and "The first token is hidden." in said(app)


def test_without_a_change_it_leads_to_the_interventions(open_app):
    app = open_app(difference="interventions", prompt=PROMPT)
    assert not app.exception and "No change is kept." in said(app)
    assert "interventions" in str(app.get("page_link")[-1].proto)


def test_a_model_without_heads_keeps_its_own_empty_state(open_app):
    app = open_app(model="runs/table", difference="prompts", prompt=PROMPT)
    assert not app.exception and "This model has no heads." in said(app)


def test_files_hold_both_sides(runs):
    opened = open_model("runs/tiny")
    pair = side_of(opened, "one", PROMPT), side_of(opened, "two", SECOND)
    encoded = compare(*pair, None)
    drawn = DrawnDifference(pair, None, False, encoded, Arrangement({}, np.zeros((2, 3)), 0.8), "layer")
    expected = pattern(runs / "tiny", PROMPT), pattern(runs / "tiny", SECOND)
    tensors = load(drawn.tensors())
    for side, patterns in zip("AB", expected, strict=True):
        np.testing.assert_allclose(tensors[f"{side}.blocks.1.attn.hook_pattern"], patterns[1], atol=1e-6)
    rows = list(csv.reader(io.StringIO(drawn.table([(1, 2)]).decode("utf-8-sig"))))
    assert rows[0] == COLUMNS and len(rows) == 1 + 13 * 14 // 2 and drawn.rows == 6 * (len(rows) - 1)
    line = dict(zip(COLUMNS, rows[-4], strict=True))
    q, k = int(line["query position"]), int(line["key position"])
    assert float(line["difference"]) == pytest.approx(float((expected[1] - expected[0])[1, 2, q, k]), abs=1e-6)
    page, picture = drawn.page((1, 2)).decode(), drawn.picture((1, 2), dark=False).decode()
    assert "A: one. B: two." in page and "L1H2: B − A" in picture and "e→y" in picture


def side_of(opened, name: str, text: str) -> Side:
    reading = read_prompt(opened, text)
    return Side(name, opened, reading.ids, reading.tokens)
