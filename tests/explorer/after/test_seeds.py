"""The page of seeds: the band grows with the seeds, births follow the threshold, and heads have partners."""

import shutil
from functools import partial
from itertools import permutations

import pytest
import torch

from explorer.after.seeds import training
from gpt import create_run, load_run
from gpt.after.seeds import RECIPE, birth, head_distances, match_heads
from gpt.lens.heads import scores
from gpt.text.tasks import LETTERS, repeated_sequence
from gpt.train.loop import train
from tests.explorer.after.test_rotary import press, values
from tests.explorer.lecture.running import run

STEPS = [0, 100, 200, 400]
RUN = "lecture-seeds-one-more-seed"


@pytest.fixture
def seeds_page(open_page):
    return partial(open_page, "seeds")


def width(app):
    return float(next(value for name, value in values(app).items() if name.startswith("Widest")).split()[0])


def said(app, start):
    return next(text.value for text in app.markdown if text.value.startswith(start))


def test_a_band_of_more_seeds_is_wider_and_one_seed_has_no_width(seeds_page):
    one, three, ten = (width(seeds_page(seeds=count)) for count in ("1", "3", "10"))
    assert one == 0 < three < ten


def test_a_higher_threshold_is_reached_later(seeds_page):
    steps = {}
    for threshold in ("0.4", "0.8"):
        app = seeds_page(born=threshold)
        assert not app.exception and not app.error
        sentence = next(text.value for text in app.caption if text.value.startswith("A head is born"))
        assert "in 10 of 10 seeds" in sentence
        steps[threshold] = int(sentence.split("between steps ")[1].split()[0])
    assert steps["0.8"] > steps["0.4"]


def test_a_seed_is_its_own_partner_and_heads_of_others_change_places(seeds_page):
    same = seeds_page(one="seed 2", other="seed 2")
    assert said(same, "Head 0 of seed 2 is head 0 of seed 2").endswith("differ in 0 % of their attention.")
    assert said(seeds_page(one="seed 1", other="seed 2"), "Head 1 of seed 1 is head 2 of seed 2")


def test_half_the_difference_needs_four_times_as_many_seeds(seeds_page):
    needed = [int(values(seeds_page(gap=d))["Seeds of each recipe"]) for d in ("0.01", "0.005")]
    assert needed[0] == pytest.approx(needed[1] / 4, abs=1) and needed[0] > 1


def test_one_more_seed_waits_for_its_turn(seeds_page, runs):
    app = press(seeds_page(**{"own-seed": "77"}), "Train")
    assert not app.exception and not app.error
    assert load_run(runs / RUN).recipe.seed == 77 and training.trained(training.NAME, training.LABEL) is None


def test_a_trained_seed_joins_the_others(seeds_page, runs):
    short = RECIPE.changed(seed=77, steps=2, eval_every=1, snapshots=2)
    train(create_run(runs / RUN, short), torch.device("cpu"))
    app = seeds_page(one="yours (77)", other="seed 1")
    assert not app.exception and not app.error
    assert any("in 10 of 11 seeds" in text.value for text in app.caption)
    assert any("of yours (77) is head" in text.value for text in app.markdown)
    shutil.rmtree(runs / RUN)
    train(create_run(runs / RUN, short.changed(n_head=2)), torch.device("cpu"))
    assert training.own_seed() is None  # its heads are no partners of ours


def test_the_pages_code_gives_the_same_numbers():
    space = run("seeds", "birth", "match", permutations=permutations)
    one, other = (each.patterns[0] for each in training.shipped()[:2])
    assert space["match"](one, other) == match_heads(head_distances(one, other))
    grown = torch.tensor([[0.0, 0.1], [0.2, 0.1], [0.6, 0.5], [0.9, 0.8]])
    assert space["birth"](STEPS, grown) == pytest.approx(birth(STEPS, grown[:, None]), abs=0.1)
    one = one[:, :12, :12]
    ids = torch.tensor([LETTERS.index(letter) for letter in repeated_sequence(6, 1)])
    real = scores(one[None], ids[None])["induction"]
    assert torch.allclose(space["induction_score"](one, period=6), real)
