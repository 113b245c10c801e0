from datetime import date

import pytest
import torch

from gpt import CharTokenizer, GPTConfig, Seq2Seq
from gpt.lens.alignment import MONTH_STEP, PLACES, _by_place, alignment, on_dates, probe_dates, watch
from gpt.text.dates import MONTHS, WORDINGS, read_date
from gpt.text.tasks import TASKS


@pytest.fixture(scope="module")
def tokenizer():
    return CharTokenizer.from_text(TASKS["dates"].text(100_000))


@pytest.fixture(scope="module")
def model(tokenizer):
    torch.manual_seed(0)
    return (
        Seq2Seq(GPTConfig(vocab_size=tokenizer.vocab_size, block_size=40, n_layer=2, n_head=2, n_embd=8))
        .eval()
        .requires_grad_(False)
    )


def test_even_attention_is_not_aligned_and_perfect_attention_is():
    written = read_date("march first, 1984")
    T, S = len(written.digits) + 1, len(written.words)
    even = torch.full((1, 1, T, S), 1 / S)
    perfect = torch.zeros(1, 1, T, S)
    for query, keys in enumerate(written.origins()):
        perfect[..., query, keys[-1] if keys else 0] = 1
    found = alignment(torch.cat((even, perfect), dim=1), written.origins())
    shares = [len(keys) / S for keys in written.origins() if keys]
    assert found[0, 0] == pytest.approx(0, abs=1e-6)
    assert found[0, 1] == pytest.approx(1 - sum(shares) / len(shares), abs=1e-6)
    with pytest.raises(ValueError, match="no query has an origin"):
        alignment(even, [range(0)] * T)


def test_the_probes_are_every_month_in_every_wording():
    probes = probe_dates()
    assert {probe.day.month for probe in probes} == set(range(1, 13)) and len(probes) == 36
    assert len({(probe.day.month, probe.words.index(MONTHS[probe.day.month - 1]) == 0) for probe in probes}) == 24
    assert len({probe.day for probe in probes}) == 36 and len(WORDINGS) == 3
    assert probes[0].day == date(1000, 1, 1)


def test_places_of_a_month_share_out_the_row():
    row = torch.arange(1.0, 11.0)[None, None] / 55
    spread = dict(zip(PLACES, (_by_place(row, 2, 7)[0, 0] * 55).round().int().tolist(), strict=True))
    assert spread == {
        "the first letter": 3, "the second letter": 4, "the third letter": 5, "letters between": 6,
        "the last letter": 7,
        "outside the month": 30,
    }  # fmt: skip
    may = (_by_place(row, 2, 5)[0, 0] * 55).round().int().tolist()
    assert may == [3, 4, 5, 0, 0, 43]


def test_what_is_watched_is_what_was_written(model, tokenizer):
    seen = watch(model, "may first, 1886", tokenizer)
    assert tokenizer.decode(seen.source) == "may first, 1886"
    assert seen.read == [*tokenizer.encode(">"), *seen.written[:-1]]
    assert seen.probabilities.argmax(-1).tolist() == seen.written
    T, S = len(seen.written), 15
    shapes = {kind: tuple(pattern.shape) for kind, pattern in seen.patterns.items()}
    assert shapes == {"encoder": (2, 2, S, S), "decoder": (2, 2, T, T), "cross": (2, 2, T, S)}


def test_measuring_all_dates_at_once_is_measuring_each(model, tokenizer):
    found = on_dates(model, tokenizer)
    assert found["alignment"].shape == (2, 2) and found["month"].shape == (2, 2, len(PLACES))
    assert torch.allclose(found["month"].sum(-1), torch.ones(2, 2), atol=1e-5)
    each = []
    for probe in probe_dates():
        inputs = torch.tensor([tokenizer.encode(">" + probe.digits)])
        source = torch.tensor([tokenizer.encode(probe.words)])
        _, cache = model.run_with_cache((source, inputs), "decoder.*.cross_attn.hook_pattern")
        cross = torch.cat(list(cache.values()))
        assert cross.shape[2] > MONTH_STEP
        each.append(alignment(cross, probe.origins()))
    assert torch.allclose(torch.stack(each).mean(0), found["alignment"], atol=1e-5)
