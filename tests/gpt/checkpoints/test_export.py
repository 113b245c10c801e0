"""What `export_pretrained` writes: opened by transformers, whole or not at all."""

import json
import re
import stat
from dataclasses import replace

import pytest
import torch
from safetensors import safe_open
from transformers import AutoModelForCausalLM, AutoTokenizer

from gpt import GPT, Bigram, GPTConfig, Seq2Seq, export_pretrained, generate, load_pretrained, load_run
from gpt.checkpoints import export
from gpt.model.reward import RewardModel

SHIPPED = "assets/models/shakespeare-char"
FILES = ["README.md", "config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"]


@pytest.fixture(scope="module")
def run():
    return load_run(SHIPPED)


@pytest.fixture(scope="module")
def folder(run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("exported") / "shakespeare"
    export_pretrained(run, folder)
    return folder


def test_transformers_opens_a_run_with_the_same_logits_attention_and_tokens(run, folder):
    model = AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager").eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    text = "First Citizen:\nBefore we proceed, hear me speak; to be, or not to be?"
    ids = tokenizer(text, return_tensors="pt").input_ids
    assert ids[0].tolist() == run.tokenizer.encode(text) and tokenizer.decode(ids[0]) == text
    logits, cache = run.model().run_with_cache(ids, "blocks.*.attn.hook_pattern")
    theirs = model(ids, output_attentions=True)
    torch.testing.assert_close(theirs.logits, logits, atol=1e-4, rtol=0)
    for layer, attention in enumerate(theirs.attentions):
        torch.testing.assert_close(attention, cache["pattern", layer], atol=1e-5, rtol=0)


def test_greedy_text_is_the_same_in_all_three(run, folder):
    theirs = AutoModelForCausalLM.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    prompt = tokenizer("ROMEO:", return_tensors="pt")
    written = theirs.generate(**prompt, max_new_tokens=50, do_sample=False)[0]
    opened = load_pretrained(folder).model
    for model in (run.model(), opened):
        steps = generate(model, prompt.input_ids, max_new_tokens=50, temperature=0)
        assert [step.token for step in steps] == written[6:].tolist()
    assert tokenizer.decode(written).startswith("ROMEO:\n")


def test_the_files_are_whole_and_everybody_can_read_them(folder):
    assert sorted(file.name for file in folder.iterdir()) == FILES
    assert len({stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()}) == 1
    assert [file.name for file in folder.parent.iterdir()] == ["shakespeare"]
    with safe_open(folder / "model.safetensors", "pt") as file:
        assert file.metadata() == {"format": "pt"}


def test_a_snapshot_can_be_chosen(tmp_path):
    run = load_run("assets/models/induction")
    with pytest.raises(ValueError, match="mlp=True, this model mlp=False"):
        export_pretrained(run, tmp_path / "out", step=0)
    run = load_run(SHIPPED)
    with pytest.raises(ValueError, match="has no snapshot of step 7"):
        export_pretrained(run, tmp_path / "out", step=7)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("model", ["shakespeare-bigram", "translate", "chat-reward"])
def test_a_run_of_another_kind_is_refused(tmp_path, model):
    with pytest.raises(ValueError, match=r"cannot be written as GPT-2.*: it (has|gives) .*next token$"):
        export_pretrained(load_run(f"assets/models/{model}"), tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", [Bigram, RewardModel, Seq2Seq])
def test_a_model_of_another_kind_is_refused(tmp_path, kind):
    config = GPTConfig(vocab_size=11, block_size=8, n_layer=1, n_head=1, n_embd=8)
    with pytest.raises(ValueError, match=f"a {kind.__name__} cannot be written"):
        export_pretrained(kind(config), tmp_path / "out")


def test_every_switch_that_no_family_has_is_named_with_its_value(tmp_path, make_model):
    model = make_model(positions="sinusoidal", norm="post", softcap=30.0, n_kv_head=1)
    with pytest.raises(ValueError) as refusal:
        export_pretrained(model, tmp_path / "out")
    for switch in ("positions='sinusoidal'", "norm='post'", "softcap=30.0"):
        assert switch in str(refusal.value)


def test_a_folder_with_files_is_kept(tmp_path, make_model):
    (tmp_path / "mine.txt").write_text("mine")
    for folder in (tmp_path, tmp_path / "mine.txt"):
        with pytest.raises(ValueError, match="is not empty or no folder; give a new name"):
            export_pretrained(make_model(), folder)
    assert [file.name for file in tmp_path.iterdir()] == ["mine.txt"]
    (tmp_path / "empty").mkdir()
    export_pretrained(make_model(), tmp_path / "empty")
    assert (tmp_path / "empty" / "config.json").is_file()


def test_a_full_disk_is_reported_before_anything_is_written(tmp_path, make_model, monkeypatch):
    monkeypatch.setattr(export, "free_disk", lambda folder: 5_000_000)
    with pytest.raises(ValueError, match=r"needs 20 MB, and the disk of .* has 5\.0 MB left; free some space"):
        export_pretrained(make_model(), tmp_path / "deep" / "out")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_what_is_cancelled_leaves_nothing(tmp_path, make_model, monkeypatch, error):
    def fail(*_):
        raise error

    monkeypatch.setattr(export, "write_card", fail)
    with pytest.raises(error):
        export_pretrained(make_model(), tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_tokenizer_of_another_vocabulary_is_refused(tmp_path, make_model, run):
    with pytest.raises(ValueError, match="the tokenizer has 65 tokens, the model 11"):
        export_pretrained(make_model(), tmp_path / "out", run.tokenizer)


def test_the_card_says_what_the_model_is_and_reads_no_name_as_html(tmp_path, run, folder):
    card = (folder / "README.md").read_text()
    facts = ("1,845,312 parameters", "tinyshakespeare", "2,000 of 2,000", "| validation loss, nats per token | 1.522 |")
    assert all(fact in card for fact in facts)
    evil = "<script>alert(1)</script>[x](javascript:y)|`"
    recipe = replace(run.recipe, text=evil, about=evil)
    export_pretrained(replace(run, recipe=recipe, title=evil), tmp_path / "out")
    card = (tmp_path / "out" / "README.md").read_text()
    assert "<script" not in card and not re.search(r"(?<!\\)[\])`]\(", card) and "&lt;script&gt;" in card


def test_the_code_of_the_card_runs(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    code = (folder / "README.md").read_text().split("```python\n")[1].split("```")[0]
    exec(code, {})
    assert len(capsys.readouterr().out) >= 100


def test_a_model_with_its_tokenizer_is_written_like_a_run(tmp_path, run, folder):
    export_pretrained(run.model(), tmp_path / "out", run.tokenizer)
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == FILES
    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        assert (tmp_path / "out" / name).read_bytes() == (folder / name).read_bytes()
    assert json.loads((folder / "config.json").read_text())["model_type"] == "gpt2"
    assert type(load_pretrained(tmp_path / "out").model) is GPT
