"""The texts behind the models, what the models make of a text, and tokenizers: computed once for all sessions.

torch is imported by the functions that need it.
"""

import queue
import threading
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from explorer import measured
from explorer.opened import Identity, Opened
from explorer.shared.cache import cached
from explorer.shared.patterns import MOST_PATTERNS, pattern_bytes, record

if TYPE_CHECKING:
    from torch import Tensor

    from gpt import BPETokenizer, CharTokenizer, Corpus
    from gpt.lens.surprise import TextLoss
    from gpt.text.tokenizer import Tokenizer

VOCABULARY_SIZES = (256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096)
WIDEST_TABLE = 4096  # tokens of a vocabulary whose pairs are still counted
LONGEST_TRAINING = 2_000_000  # characters that a BPE is trained on
PATIENCE = 20.0  # seconds that a download may take


@cached(max_entries=8, shared=True, by="text_identity")
def corpus(opened: Opened) -> "Corpus":
    """The text that this model was trained on. Raises ValueError if it is gone."""
    return opened.run.corpus()


def has_corpus(opened: Opened) -> bool:
    """Whether the text that this model was trained on is here. A model from elsewhere has none."""
    try:
        corpus(opened)
    except ValueError:
        return False
    return True


@cached(max_entries=8, shared=True, by="text_identity")
def parts(opened: Opened) -> tuple[str, str]:
    """The training text and the validation text of this model, cut where its training cut them."""
    from gpt.text.batches import split_ids

    tokenizer = opened.tokenizer
    train, validation = split_ids(tokenizer.encode(corpus(opened).text))
    return tokenizer.decode(train.tolist()), tokenizer.decode(validation.tolist())


@cached(max_entries=8, shared=True, by="text_identity")
def lexicon(opened: Opened) -> frozenset[str]:
    """The words of this model's training text."""
    from gpt.text.words import words

    return frozenset(words(parts(opened)[0]))


@cached(max_entries=64, by="text_identity")
def longest_copy(opened: Opened, sample: str) -> str:
    """The longest run of the sample's characters that the model's training text contains."""
    from gpt.text import words

    return words.longest_copy(sample, parts(opened)[0])


@cached(max_entries=64)
def loss(opened: Opened, stretches: tuple[str, ...], given: tuple[int, ...] = ()) -> "TextLoss":
    """The loss on these stretches of text. given: bytes at the beginning of each that do not count.

    A stretch's first token never counts. Raises ValueError if nothing counts, and if the loss is no number.
    """
    is_usual = given in ((), shared_starts((opened,), stretches))
    known = measured.known_loss(opened, stretches) if is_usual and opened.step is not None else None
    given = given or (0,) * len(stretches)
    parts = [known] if known else [stretch_loss(opened, *each) for each in zip(stretches, given, strict=True)]
    total = measured.add_losses(parts)
    if not np.isfinite(total.nats):
        raise ValueError(
            f"the loss of {opened.ref!r} is no number: its training diverged, or its weights are damaged. "
            "Choose another model, or fork the run at an earlier snapshot"
        )
    return total


@cached(max_entries=16)
def shared_starts(models: tuple[Opened, ...], stretches: tuple[str, ...]) -> tuple[int, ...]:
    """Where all models begin a token for the first time after the beginning of each stretch, in bytes.

    They have read the same context there, and predict the same bytes from there on.
    """
    from gpt.text.spelling import shared_start, token_ends

    def ends(opened: Opened, text: str) -> "Tensor":
        return token_ends(opened.tokenizer.token_bytes(opened.tokenizer.encode(text)), text)

    return tuple(shared_start(*(ends(opened, stretch) for opened in models)) for stretch in stretches)


@cached(max_entries=1024)
def stretch_loss(opened: Opened, stretch: str, given: int = 0) -> "TextLoss":
    """See `measured.stretch_loss`."""
    return measured.stretch_loss(opened, stretch, given)


@cached(max_entries=64, by="text_identity")
def counted_bigram_loss(opened: Opened) -> float | None:
    """The loss on this model's validation text of the bigram counted on its training text, in nats a token.

    None if the vocabulary is too large for a table of its pairs, or a part of the text too short. Raises ValueError if
    the run or its text cannot be read.
    """
    from gpt import Bigram
    from gpt.text.batches import split_ids

    train, val = split_ids(opened.tokenizer.encode(corpus(opened).text))
    if opened.tokenizer.vocab_size > WIDEST_TABLE or len(val) < 2:
        return None
    log_probabilities = Bigram.from_counts(train, opened.config).table.weight
    return -log_probabilities[val[:-1], val[1:]].mean().item()


def head_scores(opened: Opened, ids: tuple[int, ...] | None = None) -> dict[str, np.ndarray]:
    """Every head's scores on these tokens (None: on the standard probe set): name → (n_layer, n_head).

    Raises ValueError if the model, or the text that its probe set is made of, cannot be opened.
    """
    scores = _head_scores(opened, ids, "" if ids else probe_text(opened))
    if ids is None:
        _scored().add(opened.identity)
    return scores


def known_head_scores(opened: Opened) -> dict[str, np.ndarray] | None:
    """`head_scores` on the standard probe set if anybody has asked for them before; else None, at no cost."""
    return head_scores(opened) if opened.identity in _scored() else None


def probe_text(opened: Opened) -> str:
    """The validation text of this model's probe set; "" if it needs none. Raises ValueError if the text is gone."""
    from gpt.lens.heads import probe_kind

    return parts(opened)[1] if probe_kind(opened.tokenizer) == "validation text" else ""


@cached(max_entries=64)
def _head_scores(opened: Opened, ids: tuple[int, ...] | None, validation_text: str) -> dict[str, np.ndarray]:
    import torch

    from gpt.lens import heads

    config = opened.config
    if ids is None or pattern_bytes(opened, len(ids)) > MOST_PATTERNS:
        probe = heads.probe_set(opened.tokenizer, config.block_size, validation_text) if ids is None else [ids]
        return {name: score.numpy() for name, score in heads.head_scores(opened.model, torch.as_tensor(probe)).items()}
    patterns, idx = record(opened, ids).patterns.values(), torch.tensor([ids])  # the page draws these patterns too
    layers = [
        heads.scores(torch.from_numpy(pattern)[None], idx, causal=config.causal, window=config.window)
        for pattern in patterns
    ]
    return {name: np.stack([layer[name].numpy() for layer in layers]) for name in heads.SCORES}


@cached(max_entries=1, shared=True)
def _scored() -> set[Identity]:
    """The models whose scores on the standard probe set have been computed."""
    return set()


@cached(max_entries=8, shared=True)
def characters(text: str) -> "CharTokenizer":
    """The text's own characters as tokens."""
    from gpt import CharTokenizer

    return CharTokenizer.from_text(text)


@cached(max_entries=8)
def frequencies(text: str) -> dict[str, int]:
    """How often each character occurs in the text, the most frequent first."""
    return dict(Counter(text).most_common())


@cached(max_entries=4, shared=True)
def halves(text: str) -> "tuple[Tensor, Tensor]":
    """Return the ids of training and validation text, by the text's characters: two (N,) int64. Do not change them."""
    from gpt.text.batches import split_ids

    return split_ids(characters(text).encode(text))


@cached(max_entries=8, shared=True)
def byte_pairs(text: str) -> dict[int, "Tokenizer"]:
    """Byte-pair encodings trained on the text's first `LONGEST_TRAINING` characters, by each of `VOCABULARY_SIZES`.

    Merges come one after another, so the smaller vocabularies are beginnings of the largest. A short text gives fewer.
    """
    from gpt import BPETokenizer
    from gpt.text.tokenizer import tokenizer_from_dict

    whole = BPETokenizer.train(text[:LONGEST_TRAINING], VOCABULARY_SIZES[-1]).to_dict()
    sizes = [size for size in VOCABULARY_SIZES if size < len(whole["tokens"])] + [len(whole["tokens"])]
    return {size: tokenizer_from_dict({**whole, "tokens": whole["tokens"][:size]}) for size in sizes}


@cached(max_entries=1, shared=True)
def gpt2() -> "BPETokenizer":
    """GPT-2's vocabulary. Raises ValueError if it is not here and cannot be downloaded within `PATIENCE` seconds."""
    from gpt import BPETokenizer

    outcome: queue.Queue[BPETokenizer | ValueError] = queue.Queue()

    def load() -> None:
        try:
            outcome.put(BPETokenizer.gpt2())
        except ValueError as error:
            outcome.put(error)

    threading.Thread(target=load, daemon=True).start()
    try:
        loaded = outcome.get(timeout=PATIENCE)
    except queue.Empty as error:
        raise ValueError(f"GPT-2's vocabulary did not arrive within {PATIENCE:g} seconds; try again later.") from error
    if isinstance(loaded, ValueError):
        raise loaded
    return loaded


def batch(length: int, batch_size: int, block_size: int, seed: int) -> np.ndarray:
    """Positions in a text of this many tokens, as training draws them: (batch_size, block_size + 1), targets included.

    Raises ValueError where the text is too short for one chunk and its last target.
    """
    import torch

    from gpt.text.batches import draw_batch

    generator = torch.Generator().manual_seed(seed)
    contexts, targets = draw_batch(torch.arange(length), batch_size, block_size, generator)
    return torch.cat((contexts, targets[:, -1:]), dim=1).numpy()
