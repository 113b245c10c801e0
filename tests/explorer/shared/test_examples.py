"""The named prompts: each shows on the shipped model what its name says, and each page with a prompt offers them."""

import pytest
import torch

from explorer import navigation
from explorer.opened import folder_of
from explorer.shared import examples
from gpt import GPT, load_corpus, load_run
from gpt.lens.interventions import head_off
from gpt.text.tasks import TASKS

LETTERS = "reversal", "sorting", "addition", "dates"


@torch.inference_mode()
def after(model: str, prompt: str, hooks=None) -> torch.Tensor:
    """The next token's probabilities, largest first."""
    run = load_run(folder_of(model))
    net = run.model()
    ids = run.tokenizer.encode(prompt)[-net.config.block_size :]
    return net.run_with_hooks(torch.tensor([ids]), hooks or {})[0, -1].softmax(-1)


def test_the_default_prompt_leaves_a_real_choice_and_a_head_decides_it():
    named, model = examples.of_model("shakespeare-char"), "shakespeare-char"
    prompt = next(iter(named.values()))
    before = after(model, prompt)
    assert before.max() < 0.6 and (before > 0.05).sum() >= 4
    net: GPT = load_run(folder_of(model)).model()
    heads = [(layer, head) for layer in range(net.config.n_layer) for head in range(net.config.n_head)]
    switched = {place: after(model, prompt, head_off(*place)) for place in heads}
    place, changed = max(switched.items(), key=lambda each: (each[1] - before).abs().sum())
    assert changed.max() > 0.9 and before[changed.argmax()] < 0.05, f"{place} decides what comes next"


def test_each_name_keeps_its_promise():
    shakespeare, repeats = examples.of_model("shakespeare-char"), examples.of_model("induction")
    char = {name: after("shakespeare-char", prompt).max() for name, prompt in shakespeare.items()}
    copied = {name: after("induction", prompt).max() for name, prompt in repeats.items()}
    assert char["Mid-word: certain"] > 0.99
    assert all(
        char[name] < 0.7 for name in shakespeare if name not in ("Mid-word: certain", "Not in the training text")
    )
    run = load_run(folder_of("shakespeare-char"))
    kings = after("shakespeare-char", shakespeare["Which king?"]).topk(3).indices.tolist()
    assert set(run.tokenizer.tokens(kings)) == {"R", "H", "E"}, "Richard, Henry or Edward"
    assert copied.pop("Seen once: a guess") < 0.3
    assert all(certain > 0.9 for certain in copied.values())


@pytest.mark.parametrize("name", ["tinyshakespeare", "dialogues", *TASKS])
def test_every_text_has_examples_that_its_alphabet_spells(name):
    text = load_corpus(name).text
    named = examples.of_text(name, text)
    assert 5 <= len(named) <= 6 and len(set(named.values())) == len(named)
    assert not set("".join(named.values())) - set(text)


@pytest.mark.parametrize("name", LETTERS)
def test_an_example_of_a_task_begins_a_line_of_it(name):
    for prompt in examples.of_text(name).values():
        question, sign, begun = prompt.partition("=" if name == "addition" else ">")
        answer = {
            "reversal": lambda words: words[::-1],
            "sorting": lambda words: "".join(sorted(words)),
            "addition": lambda words: str(sum(map(int, words.split("+")))),
            "dates": lambda words: "1984-03-23",
        }[name](question)
        assert sign and answer.startswith(begun)


@pytest.mark.parametrize(
    "text", ["春夏秋冬" * 300, "0123456789" * 100, "a b\n" * 200, "\n \n x", "word", "é" * 399 + "\n" + "ü" * 399]
)
def test_the_examples_of_a_text_come_from_it(runs, text):
    (runs / "tiny" / "text.txt").write_text(text, encoding="utf-8")
    for named in (examples.of_model("runs/tiny"), examples.of_text("mine", text)):
        assert named and all(named.values())
        assert next(iter(named.values())) in text
        assert set("".join(named.values())) <= set(text)


def test_a_link_in_a_run_folder_is_not_followed(runs, tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("swordfish\n", encoding="utf-8")
    (runs / "tiny" / "text.txt").unlink()
    (runs / "tiny" / "text.txt").symlink_to(secret)
    assert "swordfish" not in "".join(examples.of_model("runs/tiny").values())


@pytest.mark.parametrize("entry", navigation.ENTRIES, ids=lambda entry: entry.title)
def test_every_prompt_has_examples_beside_it(open_app, entry):
    app = open_app().switch_page(f"../pages/{entry.file}").run()
    boxes = [box for box in app.text_area if box.label == "Prompt"]
    menus = [menu for menu in app.get("menu_button") if menu.label == "Examples"]
    assert len(menus) == len(boxes)


@pytest.mark.parametrize("page", ["attention", "compare", "tokens", "timetravel", "heads"])
def test_an_example_that_is_picked_is_the_prompt_everywhere(open_app, page):
    app = open_app(model="induction").switch_page(f"../pages/{page}.py").run()
    menu = app.get("menu_button")[0]
    name = menu.options[2]
    app = menu.click(name).run()
    assert not app.exception
    prompt = next(box.value for box in app.text_area if box.label == "Prompt")
    assert app.query_params["prompt"] in (prompt, [prompt])
    app = app.switch_page("../pages/interventions.py").run()
    assert app.text_area[0].value == prompt
