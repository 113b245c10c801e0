"""Exercises of act 1, data and the bigram."""

from collections.abc import Collection

from explorer.lecture.exercises.exercise import Exercise, Number, Options
from explorer.shared import texts

TEXT = "tinyshakespeare"
PROMPT, MOST = "ROMEO:", 40  # new tokens
LINES = ("KING HENRY: What news?", "Thrice & once more!", "Act 5, Scene 1", "'Tis 3 o'clock;")
LINE, VOCABULARY = "the king and the queen", 512
LENGTH = 50_000  # characters of a text that is split
B, T = 12, 64
SYMBOLS = 27  # a to z, and the space
LETTER, NEXT = "z", ("a", "e", "o", "z")
SPREAD, WANTED = 0.08, 0.02  # nats


def _changed_tokens() -> int:
    from explorer.opened import DEFAULT, open_model
    from explorer.shared.prompt import read_prompt
    from explorer.shared.sampling import Sampling, continuation

    opened = open_model(DEFAULT)
    ids = read_prompt(opened, PROMPT).ids
    first, second = (list(continuation(opened, ids, Sampling(MOST, temperature=0, seed=seed))) for seed in (1, 2))
    return sum(a.id != b.id for a, b in zip(first, second, strict=True))


def _unwritable() -> Collection[str]:
    from gpt import load_corpus

    alphabet = set(load_corpus(TEXT).text)
    return [line for line in LINES if not set(line) <= alphabet]


def _pieces() -> int:
    from gpt import load_corpus

    return len(texts.byte_pairs(load_corpus(TEXT).text)[VOCABULARY].encode(LINE))


def _validation_length() -> int:
    import torch

    from gpt.text.batches import split_ids

    return len(split_ids(torch.arange(LENGTH))[1])


def _examples() -> int:
    from gpt.lecture import examples

    return B * len(examples(range(T + 1)))


def _uniform_loss(symbols: int) -> float:
    import torch

    from gpt import loss_of

    return loss_of(torch.zeros(1, symbols, symbols), torch.arange(symbols)[None]).item()


def _table_size() -> int:
    from gpt import PRESETS, build_model

    return build_model(PRESETS["rung-1"].changed(vocab_size=SYMBOLS).model).n_params


def _likeliest() -> Collection[str]:
    from gpt import PRESETS, Bigram, load_corpus

    text = load_corpus(TEXT).text
    tokenizer = texts.characters(text)
    config = PRESETS["rung-1"].changed(vocab_size=tokenizer.vocab_size).model
    table = Bigram.from_counts(texts.halves(text)[0], config).table.weight
    return [tokenizer.decode([int(table[tokenizer.encode(LETTER)[0]].argmax())])]


EXERCISES = (
    Exercise(
        "intro-seed",
        "intro",
        f"Set the temperature to 0 and write {MOST} tokens after `{PROMPT}`. Then change the seed. How many of the "
        f"{MOST} tokens are different?",
        "The seed decides what is sampled. What does the model take at temperature 0?",
        "At temperature 0 the model always takes the most likely token. Nothing is random, so the seed has no effect.",
        Number(_changed_tokens),
    ),
    Exercise(
        "data-alphabet",
        "data",
        "A model that reads characters can write only the symbols of its alphabet. Which line can it not write after "
        "training on Tiny Shakespeare?",
        "Open *The alphabet* and look for each symbol of the line that is no letter.",
        "The text has only one digit, the 3. A symbol that is not in the alphabet has no id, so the model cannot "
        "read or write it.",
        Options(LINES, _unwritable),
    ),
    Exercise(
        "tokens-pieces",
        "tokens",
        f"How many tokens has the line `{LINE}` in a BPE of {VOCABULARY} tokens, trained on Tiny Shakespeare?",
        "Open the page Tokens, choose this vocabulary, and type the line as the prompt.",
        f"The line has {len(LINE)} characters. Frequent pieces such as “the ” are one token.",
        Number(_pieces),
    ),
    Exercise(
        "tokens-split",
        "tokens",
        f"A text has {LENGTH:,} characters. It is split as in the lecture. How many characters are validation text?",
        "Nine tenths of the text are for training.",
        "The validation text is the last tenth. The model never trains on it.",
        Number(_validation_length),
    ),
    Exercise(
        "batches-examples",
        "batches",
        f"A batch has B = {B} chunks of T = {T} tokens. How many (context → target) examples does the model learn "
        "from in one step?",
        "Step through one chunk above. How many examples has it?",
        "A chunk has one example for each length of context, from 1 to T: B × T examples.",
        Number(_examples),
        for_class=True,
    ),
    Exercise(
        "bigram-start",
        "bigram",
        f"A text has {SYMBOLS} symbols: a to z, and the space. All are equally likely to an untrained model. Predict "
        "its loss, in nats.",
        "The loss is −ln of the probability of the right symbol. What is that probability?",
        f"Each symbol has the probability 1/{SYMBOLS}, so the loss is −ln(1/{SYMBOLS}) = ln {SYMBOLS}. A much higher "
        "loss at the first step is a sign of a bad start.",
        Number(lambda: _uniform_loss(SYMBOLS), within=0.03, digits=2),
        for_class=True,
    ),
    Exercise(
        "bigram-parameters",
        "bigram",
        f"How many parameters has the bigram table of these {SYMBOLS} symbols?",
        "The table has a row for each symbol. What is in a row?",
        "A row has one logit for each symbol that may come next: V × V parameters.",
        Number(_table_size),
    ),
    Exercise(
        "bigram-likeliest",
        "bigram-training",
        f"Look at the counted table, or at yours after training. Which symbol is most likely after `{LETTER}`?",
        "Find the row of the letter, and the darkest cell in it. Point at a cell to read its numbers.",
        "The trained table has learned the same from examples, without counting.",
        Options(NEXT, _likeliest),
        for_class=True,
    ),
    Exercise(
        "mean-of-batches",
        "mean-loss",
        f"The losses of single batches vary by ±{SPREAD} nats. How many batches do you average, so that the mean "
        f"varies by ±{WANTED} nats only?",
        "Move the window above: what does a mean of 4 batches do to the noise?",
        "The noise of a mean falls with the root of the number of batches: four times less noise needs 16 batches.",
        Number(lambda: round((SPREAD / WANTED) ** 2)),
    ),
)
