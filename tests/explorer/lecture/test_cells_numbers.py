"""The lecture's code gives the numbers of the pages, and the lecture's own numbers."""

import math
from collections import Counter
from itertools import pairwise

import pytest
import torch

from explorer.lecture import averaging
from gpt import Bigram, BPETokenizer, CharTokenizer, Recipe, lecture, load_corpus, loss_of
from gpt.generate import distribution
from gpt.model.config import GPTConfig
from gpt.text.batches import draw_batch, split_ids
from gpt.train.objectives import language
from gpt.train.optim import make_adamw
from tests.explorer.lecture.running import copy, run

SHAKESPEARE = load_corpus("tinyshakespeare").text
SAMPLE = (  # of the lecture's untrained table
    "\nSKIcLT;AcELMoTbvZv C?nq-QE33:CJqkOKH-q;:la!oiywkHjgChzbQ?u!3bLIgwevmyFJGUGp\nwnYWmnxKWWev-tDqXErVKLgJ"
)


@pytest.fixture(scope="module")
def data():
    """The cells of the data, with the lecture's text."""
    names = ("alphabet", "encode", "split", "get_batch")
    return run("data", *names, text=SHAKESPEARE, Counter=Counter, pairwise=pairwise)


def test_the_text_is_encoded_and_split_as_the_page_does(data):
    tokenizer = CharTokenizer.from_text(SHAKESPEARE)
    assert data["encode"]("hii there") == [46, 47, 47, 1, 58, 46, 43, 56, 43] == tokenizer.encode("hii there")
    assert data["decode"](data["encode"](SHAKESPEARE[:500])) == SHAKESPEARE[:500] and data["vocab_size"] == 65
    train, validation = split_ids(tokenizer.encode(SHAKESPEARE))
    assert torch.equal(data["train_data"], train) and torch.equal(data["val_data"], validation)


def test_the_batch_of_seed_1337_is_the_lectures_and_the_pages(data):
    assert data["xb"].tolist() == [
        [24, 43, 58, 5, 57, 1, 46, 43],
        [44, 53, 56, 1, 58, 46, 39, 58],
        [52, 58, 1, 58, 46, 39, 58, 1],
        [25, 17, 27, 10, 0, 21, 1, 54],
    ]
    x, y = draw_batch(data["train_data"], 4, 8, torch.Generator().manual_seed(1337))
    assert torch.equal(data["xb"], x) and torch.equal(data["yb"], y)
    chunk = [*data["xb"][0].tolist(), data["yb"][0, -1].item()]
    assert lecture.examples(chunk)[-1] == (data["context"].tolist(), data["target"].item())


def test_pairs_are_merged_as_byte_pair_encoding_does():
    word = "".join(filter(str.isalpha, SHAKESPEARE))[:900]
    cells = run("data", "merge", text=word, Counter=Counter, pairwise=pairwise)
    ids = list(word.encode())
    for new in range(256, 259):
        pair, _ = Counter(pairwise(ids)).most_common(1)[0]
        ids = cells["merge"](ids, pair, new)
    assert len(ids) == len(BPETokenizer.train(word, vocab_size=259).encode(word)) < len(word)


@pytest.mark.parametrize("settings", [{}, {"temperature": 0.5}, {"temperature": 2.0, "top_k": 5}])
def test_the_next_token_has_the_pages_distribution(settings):
    cells = run("intro", "generate", encode=lambda s: [0], decode=str, m=lambda idx: torch.zeros(1, idx.size(1), 65))
    logits = torch.randn(65, generator=torch.Generator().manual_seed(0))
    probabilities = cells["next_probs"](logits[None], **settings)[0]
    assert torch.allclose(probabilities.double(), distribution(logits, **settings), atol=1e-6)
    likeliest = cells["generate"](lambda idx: torch.eye(9)[(idx + 1) % 9] * 99, torch.tensor([[3]]), 4)
    assert likeliest.tolist() == [[3, 4, 5, 6, 7]]


@pytest.fixture(scope="module")
def bigram(data):
    """The lecture's untrained table."""
    return run("bigram", "table", "generate", **data, math=math)


def test_the_untrained_table_has_the_lectures_loss_and_sample(bigram):
    assert bigram["loss"].item() == pytest.approx(4.8786, abs=5e-5) and math.log(65) == pytest.approx(4.1744, abs=5e-5)
    torch.manual_seed(1337)  # the lecture samples after it made the table
    table = torch.nn.Embedding(65, 65).weight
    assert torch.equal(table, bigram["m"].token_embedding_table.weight)
    idx = bigram["generate"](bigram["m"], torch.zeros(1, 1, dtype=torch.long), 100)
    assert bigram["decode"](idx[0].tolist()) == SAMPLE
    real = Bigram(GPTConfig(65, 8, n_layer=0))
    copy(bigram["m"].token_embedding_table, real.table)
    assert loss_of(real(bigram["xb"]), bigram["yb"]).item() == pytest.approx(bigram["loss"].item())


def test_the_training_loop_takes_the_steps_of_the_real_optimizer(bigram):
    cells = {**bigram, "m": bigram["BigramLanguageModel"]()}
    real = Bigram(GPTConfig(65, 8, n_layer=0))
    copy(cells["m"].token_embedding_table, real.table)
    batches = [bigram["get_batch"]("train", batch_size=32) for _ in range(1000)]
    recipe = Recipe("", real.config, lr=1e-2, weight_decay=0.01)
    [optimizer] = make_adamw(real, recipe)
    for x, y in batches:
        optimizer.zero_grad()
        loss_of(real(x), y).backward()
        optimizer.step()
    draws = iter(batches)
    trained = run("bigram", "train", **cells | {"get_batch": lambda split, batch_size: next(draws)})
    assert torch.allclose(trained["m"].token_embedding_table.weight, real.table.weight, atol=1e-5)
    counted = run("bigram", "count", **trained)
    exact = Bigram.from_counts(trained["train_data"], real.config)
    assert torch.allclose(counted["P"], exact.table.weight.softmax(-1), atol=1e-6)


def test_the_mean_loss_is_the_pages(bigram):
    recipe = Recipe("", GPTConfig(65, 8, n_layer=0), batch_size=32, eval_batches=20)
    generators = {part: torch.Generator().manual_seed(language.EVAL_SEED) for part in ("train", "val")}

    def get_batch(split, batch_size):
        return draw_batch(bigram[f"{split}_data"], batch_size, 8, generators[split])

    cells = run("bigram", "estimate_loss", **bigram | {"get_batch": get_batch, "losses": [0.0, 1.0]})
    generators = {part: torch.Generator().manual_seed(language.EVAL_SEED) for part in generators}
    cells["get_batch"] = get_batch
    real = Bigram(recipe.model)
    copy(bigram["m"].token_embedding_table, real.table)
    estimated = cells["estimate_loss"](cells["m"], 20)
    assert estimated["val"] == pytest.approx(language.estimate_loss(real, bigram["val_data"], recipe), abs=1e-5)


def test_the_averages_are_the_pages():
    cells = run("averaging", "x", "loops", "product", "batched", "softmax")
    x = averaging.toy(1337)
    assert torch.equal(cells["x"], x)
    for name, average in (("xbow", lecture.average_v1), ("xbow2", lecture.average_v2), ("xbow3", lecture.average_v3)):
        assert torch.allclose(cells[name], average(x), atol=1e-6)
    assert torch.allclose(cells["wei"], lecture.masked_softmax(torch.zeros(8, 8)))


def test_the_product_of_the_trick_is_the_lectures(capsys):
    cells = run("averaging", "product")
    printed = capsys.readouterr().out
    assert printed.startswith("tensor([[14., 16.],\n        [14., 16.],\n        [14., 16.]])")
    assert cells["b"].tolist() == [[2, 7], [6, 4], [6, 5]]
    assert torch.allclose(cells["a"] @ cells["b"], torch.tensor([[2, 7], [4, 5.5], [14 / 3, 16 / 3]]))


def test_version_4_is_the_lectures_and_the_pages():
    cells = run("head", "version 4")
    wei = cells["wei"][0].detach()
    assert wei[1, :2].tolist() == pytest.approx([0.1574, 0.8426], abs=5e-5)
    assert wei[7].tolist() == pytest.approx([0.0210, 0.0843, 0.0555, 0.2297, 0.0573, 0.0709, 0.2423, 0.2391], abs=5e-5)
    matrices = (cells[name].weight.detach().T for name in ("query", "key", "value"))
    head = lecture.one_head(cells["x"][0], *matrices, scale=False)
    assert torch.allclose(head.weights, wei, atol=1e-6) and torch.allclose(head.out, cells["out"][0], atol=1e-5)


def test_the_scale_and_the_softmax_are_the_lectures(capsys):
    cells = run("scaled", "scale", "saturation")
    printed = capsys.readouterr().out
    assert "k 1.0449, of q 1.0700, of q @ k 17.4690" in printed and "1/√16: 1.0918" in printed
    assert cells["p"].tolist() == pytest.approx([0.1925, 0.1426, 0.2351, 0.1426, 0.2872], abs=5e-5)
    assert cells["sharp"].tolist() == pytest.approx([0.0326, 0.0030, 0.1615, 0.0030, 0.8000], abs=5e-5)
    assert torch.allclose(cells["slopes"], lecture.softmax_slopes(cells["sharp"]))
