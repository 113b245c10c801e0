"""Exercises of act 5, after the lecture."""

import math

from explorer.lecture.exercises.exercise import Exercise, Number, Options

AT, DEGREES, APART, MOVED = 7, 30, 2, 100  # of the arrows
CACHE = {"n_layer": 16, "n_kv_head": 2, "d_head": 64, "tokens": 1000}
GPT2_VOCABULARY = 50_257
SIGMA = 0.1  # a singular value
WORDS = "hug pug pun bun hugs"
RUNGS = (
    "8 RMSNorm", "9 Rotary positions", "10 A gated MLP, SwiGLU", "11 Norms of queries and keys", "12 Grouped queries",
    "13 A sliding window", "14 Muon", "15 A mixture of experts",
)  # fmt: skip
GAINS = (0.03, 0.01, 0.02, 0.04, 0.0)  # nats, of five seeds
REWARDS = (1, 1, 0, 0, 0, 0, 0, 0)  # of a group of answers
LATE = 0.8  # threshold of a birth
PAIR, ASKED = (3, 4), 3  # two seeds, and a head of the first


def _score(place: int) -> float:
    import torch

    from gpt.after.rotary import score

    east = torch.tensor([[1.0, 0.0]], dtype=torch.float64)
    speeds = torch.tensor([math.radians(DEGREES)], dtype=torch.float64)
    return round(score(east, east, place + APART, place, speeds), 6)


def _megabytes() -> float:
    from gpt.after.cache import cache_bytes

    return cache_bytes(**CACHE) / 1e6


def _count_merged(text: str, times: int) -> int:
    from gpt.after.bpe import merges, split_words

    return len(list(merges(split_words(text), times))[-1].tokens)


def _first_pair(text: str) -> str:
    from gpt.after.bpe import merges, split_words

    pair = next(merges(split_words(text), 1)).pair or ()
    return " + ".join(token.decode() for token in pair)


def _unclear_rungs() -> list[str]:
    """The rungs whose gain is not larger than its noise."""
    from explorer.after.ladder.finished import read_ladder
    from explorer.after.ladder.gains import rung_gains, rung_title

    return [rung_title(name) for name, gain in rung_gains(read_ladder()).items() if not gain.is_clear]


def _half_width() -> float:
    from gpt.after.ladder import paired_gain

    return paired_gain(GAINS, [0.0] * len(GAINS)).half_width


def _last_born() -> list[str]:
    """The seed whose induction head reaches `LATE` last."""
    from gpt.after.seeds import birth, shipped_seeds

    steps = {f"seed {each.seed}": birth(each.steps, each.induction, LATE) or 0 for each in shipped_seeds()}
    return [max(steps, key=steps.__getitem__)]


def _partner() -> list[str]:
    """The head of the second seed that does what the first one's does."""
    from gpt.after.seeds import head_distances, match_heads, shipped_seeds

    first, second = (each.patterns[0] for each in shipped_seeds() if each.seed in PAIR)
    return [f"L0H{match_heads(head_distances(first, second))[ASKED]}"]


def _seeds_needed() -> int:
    from gpt.after.seeds import seeds_needed

    return seeds_needed(0.02, spread=0.03)


def _moved() -> float:
    import torch

    from gpt.after.muon import polynomial

    return polynomial(torch.tensor(SIGMA, dtype=torch.float64)).item()


def _majority() -> float:
    from explorer.after.muon.panel import default_walk

    return default_walk().first_majority() or 0


def _advantage() -> float:
    import torch

    from gpt.train.objectives.grpo import group_advantages

    return round(group_advantages(torch.tensor([REWARDS], dtype=torch.float64))[0, 0].item(), 4)


EXERCISES = (
    Exercise(
        "backward-logit",
        "backward",
        "Three tokens have the logits 1, 2 and 0.5. The second token is right. What is the gradient of the first "
        "logit?",
        "The gradient of a logit is p − y. For a wrong token y is 0.",
        "For a wrong token the gradient is its probability: a step against it lowers this logit.",
        Number(lambda: math.exp(1) / sum(map(math.exp, (1, 2, 0.5))), within=0.01, digits=3),
        on_page=True,
        for_class=True,
    ),
    Exercise(
        "backward-mask",
        "backward",
        "One head reads three tokens, with the mask. What is the gradient of the score of query 0 and key 2?",
        "Query 0 may read token 0 only. How much does the output change if a masked score changes?",
        "The mask hides key 2 from query 0, so its score changes nothing. No gradient comes from the future.",
        Number(lambda: 0.0, within=0.001, digits=3),
        on_page=True,
    ),
    Exercise(
        "cache-bytes",
        "cache",
        f"A model has {CACHE['n_layer']} layers, 8 query heads, and {CACHE['n_kv_head']} key and value heads of "
        f"{CACHE['d_head']} features. It has read {CACHE['tokens']:,} tokens. A number has 2 bytes. How many million "
        "bytes does its cache take?",
        "Every layer keeps a key and a value for each token and each key and value head. Query heads are not kept.",
        f"2 × {CACHE['n_layer']} layers × {CACHE['n_kv_head']} heads × {CACHE['d_head']} features × "
        f"{CACHE['tokens']:,} tokens × 2 bytes = {4 * math.prod(CACHE.values()):,} bytes.",
        Number(_megabytes, within=0.1, digits=2),
        for_class=True,
    ),
    Exercise(
        "merge-next",
        "bpe",
        f"The text is **{WORDS}**. Which pair is merged first?",
        "Count how often the two tokens are next to each other in the text, within a word.",
        "The most frequent pair is merged.",
        Options(("h + u", "u + g", "u + n", "p + u"), lambda: [_first_pair(WORDS)]),
        on_page=True,
    ),
    Exercise(
        "merge-thrice",
        "bpe",
        "The text is **aaabdaaabac**. Merge its most frequent pair three times. Use paper. How many tokens does it "
        "have then?",
        "It begins with 11 tokens. The most frequent pair is a + a; it is joined twice, from left to right.",
        "After a + a, aa + a and aaa + b the text is aaab d aaab a c. With a + b as the second merge, it is the same.",
        Number(lambda: _count_merged("aaabdaaabac", 3)),
    ),
    Exercise(
        "merges-of-gpt2",
        "bpe",
        f"GPT-2 has {GPT2_VOCABULARY:,} tokens, one of them special. How many merges has it?",
        "Every merge adds one token. The first tokens are the single bytes.",
        f"{GPT2_VOCABULARY:,} − 256 bytes − 1 special token.",
        Number(lambda: GPT2_VOCABULARY - 256 - 1),
    ),
    Exercise(
        "rotary-near",
        "rotary",
        f"At position 0, q and k are the same arrow of length 1. They turn by {DEGREES}° a token. q is at position "
        f"{AT + APART}, k at {AT}. What is q · k?",
        "The angle between the arrows is the difference of their turns. Both have length 1, so q · k is the cosine of "
        "that angle.",
        f"{APART} tokens are {APART * DEGREES}°, and its cosine is 0.5.",
        Number(lambda: _score(AT), within=0.02, digits=2),
        for_class=True,
    ),
    Exercise(
        "rotary-far",
        "rotary",
        f"Both tokens move: q is at position {AT + MOVED + APART}, k at {AT + MOVED}. What is q · k now?",
        "Which of the two changes: the distance, or the angle between the arrows?",
        "The distance is the same, so the angle and its cosine are the same, wherever the two tokens are.",
        Number(lambda: _score(AT + MOVED), within=0.02, digits=2),
    ),
    Exercise(
        "ladder-nothing",
        "ladder",
        "Which rung gains nothing that five seeds can show? One is enough.",
        "Look for a rung whose line has zero.",
        "With more seeds the line gets shorter, and even a small gain can be told from zero.",
        Options((*RUNGS, "none of them"), lambda: _unclear_rungs() or ["none of them"]),
    ),
    Exercise(
        "ladder-interval",
        "ladder",
        f"Five seeds gain {', '.join(f'{gain:.2f}' for gain in GAINS)} nats, so the mean is 0.02. Plus or minus what?",
        "The 95 % interval is the mean ± 2.776 · s / √5. s is the standard deviation of the five gains, with a sum of "
        "squares divided by 4; 2.776 is Student's t for five values.",
        "s is 0.0158, and 2.776 · 0.0158 / √5 = 0.0196. The interval begins just above zero, so the gain is clear.",
        Number(_half_width, within=0.001, digits=4),
    ),
    Exercise(
        "muon-hand",
        "muon",
        "A Newton–Schulz step moves a singular value x to a x + b x³ + c x⁵, with a = 3.4445, b = −4.775 and c = "
        f"2.0315. Where does it move the value {SIGMA}? Use paper.",
        f"x³ is {SIGMA**3:g} and x⁵ is {SIGMA**5:.5f}: only the first term is large.",
        "a x = 0.34445, b x³ = −0.004775, and c x⁵ is nearly 0. Small values grow 3.4 times in each step.",
        Number(_moved, within=0.002, digits=3),
    ),
    Exercise(
        "muon-majority",
        "muon",
        "Walk with the model, the weights and the matrix that this page opens with. After which step are more than "
        "half of the singular values between 0.68 and 1.21?",
        "The third number above the curve counts them. Half of 192 is 96.",
        "The largest values arrive first. The others grow 3.4 times a step until they arrive too.",
        Number(_majority),
    ),
    Exercise(
        "seeds-last",
        "seeds",
        f"With a threshold of {LATE}, in which seed is the induction head born last?",
        "Move the threshold of the births to this value, and find the longest bar.",
        "The same recipe with another seed has its head about a hundred steps earlier.",
        Options(tuple(f"seed {seed}" for seed in range(1, 11)), _last_born),
    ),
    Exercise(
        "seeds-partner",
        "seeds",
        f"Which head of seed {PAIR[1]} does what L0H{ASKED} of seed {PAIR[0]} does?",
        "Pick these two seeds where their heads are matched, and look at layer 0.",
        "Both read the previous token, which the induction heads of the next layer need.",
        Options(tuple(f"L0H{head}" for head in range(4)), _partner),
    ),
    Exercise(
        "seeds-needed",
        "seeds",
        "Two recipes differ by 0.02 nats. The seeds of each have a standard deviation of 0.03 nats. How many seeds of "
        "each show the difference: from which n on is it twice its standard error?",
        "The difference of two means of n seeds has the standard error 0.03 · √(2 / n).",
        "n = 8 · (0.03 / 0.02)² = 18. Half the difference needs four times as many seeds.",
        Number(_seeds_needed),
    ),
    Exercise(
        "grpo-advantage",
        "grpo",
        f"A group has {len(REWARDS)} answers. {sum(REWARDS)} are right and have the reward 1, the others have 0. What "
        "is the advantage of a right answer?",
        "It is (reward − mean) / standard deviation. The variance is the sum of the squared distances from the mean, "
        f"divided by {len(REWARDS) - 1}.",
        "The mean is 0.25, and the standard deviation is √(1.5 / 7) = 0.463. So it is 0.75 / 0.463.",
        Number(_advantage, within=0.03, digits=2),
    ),
    Exercise(
        "grpo-equal",
        "grpo",
        "All answers of a group are right. What does the model learn from this group?",
        "Each reward equals the mean. What is the advantage then?",
        "Every advantage is 0, and so is the gradient. A group teaches only where some answers are right and some are "
        "wrong.",
        Options(("all of them become likelier", "the shortest becomes likelier", "nothing"), lambda: ["nothing"]),
    ),
)
