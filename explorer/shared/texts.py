"""The texts behind the models, what the models make of a text, and tokenizers: computed once, shared by everybody who looks.

With loading.py and lenses.py the only home of `st.cache_*`. torch is imported by the functions that need it.
"""

import queue
import threading
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from explorer import measured
from explorer.shared import loading

if TYPE_CHECKING:
    from torch import Tensor

    from gpt import GPT, Bigram, BPETokenizer, CharTokenizer, Corpus, Run

VOCABULARY_SIZES = (256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096)
WIDEST_TABLE = 4096  # tokens of a vocabulary whose pairs are still counted
LONGEST_TRAINING = 2_000_000  # characters that a BPE is trained on
PATIENCE = 20.0  # seconds that a download may take

Key = tuple[str, tuple[int, ...]]  # folder, stamp of the files that a run's text depends on


def corpus(ref: str) -> "Corpus":
    """The text that this model was trained on. Raises ValueError where it is gone."""
    return _corpus(_key(ref), loading.load_run(ref))


def parts(ref: str) -> tuple[str, str]:
    """The training text and the held-out text of this model, cut where its training cut them."""
    return _parts(_key(ref), loading.load_run(ref))


def lexicon(ref: str) -> frozenset[str]:
    """The words of this model's training text."""
    return _lexicon(_key(ref), loading.load_run(ref))


def longest_copy(ref: str, sample: str) -> str:
    """The longest run of the sample's characters that stands in the model's training text just so."""
    return _longest_copy(_key(ref), sample, loading.load_run(ref))


def surprise(ref: str, text: str) -> np.ndarray:
    """Nats of each character given those before it: (len(text),) float32, NaN where there are none.

    A token's nats are spread evenly over its characters. None have the first token and characters outside the alphabet.
    """
    run = loading.load_run(ref)
    return _surprise(loading.identity(run), text, loading.load_model(ref), run)


def loss(ref: str, stretches: tuple[str, ...]) -> tuple[float, float]:
    """Mean loss on these stretches of text, in nats per token and in nats per character.

    Raises ValueError where no stretch has two tokens, and where the loss is no number.
    """
    run = loading.load_run(ref)
    found = _loss(loading.identity(run), stretches, loading.load_model(ref), run)
    if not np.isfinite(found).all():
        raise ValueError(
            f"the loss of {ref!r} is no number: its training diverged, or its weights are damaged. Choose another model, "
            "or fork the run at an earlier snapshot"
        )
    return found


def counted_bigram_loss(ref: str) -> float | None:
    """What the bigram counted on this model's training text loses on its validation text, in nats a token.

    None where the vocabulary is too large for a table of its pairs, or a part of the text too short. Raises ValueError where
    the run or its text cannot be read.
    """
    return _counted_bigram_loss(_key(ref), loading.load_run(ref))


def head_scores(ref: str, ids: tuple[int, ...] | None = None) -> dict[str, np.ndarray]:
    """Every head's scores on these tokens (None: on the standard probe set): name → (n_layer, n_head), as `gpt.lens.heads` has them.

    Raises ValueError where the model, or the text that its probe set is made of, cannot be opened.
    """
    run = loading.load_run(ref)
    held_out = "" if ids else probe_text(ref)
    scores = _head_scores(loading.identity(run), ids, held_out, loading.load_model(ref), run)
    if ids is None:
        _scored().add(loading.identity(run))
    return scores


def known_head_scores(ref: str) -> dict[str, np.ndarray] | None:
    """`head_scores` on the standard probe set where anybody has asked for them before; else None, at no cost."""
    return head_scores(ref) if loading.identity(loading.load_run(ref)) in _scored() else None


def probe_text(ref: str) -> str:
    """The held-out text that this model's probe set is made of; "" where the set is letters. Raises ValueError where it is gone."""
    from gpt.lens.heads import speaks_letters

    return "" if speaks_letters(loading.load_run(ref).tokenizer) else parts(ref)[1]


@st.cache_resource(max_entries=8, show_spinner=False)
def characters(text: str) -> "CharTokenizer":
    """The text's own characters as tokens."""
    from gpt import CharTokenizer

    return CharTokenizer.from_text(text)


@st.cache_data(max_entries=8, show_spinner=False)
def frequencies(text: str) -> dict[str, int]:
    """How often each character stands in the text, the commonest first."""
    return dict(Counter(text).most_common())


@st.cache_resource(max_entries=4, show_spinner=False)
def halves(text: str) -> "tuple[Tensor, Tensor]":
    """The ids of the training text and of the held-out text, in the text's own characters: two (N,) int64. Shared: look, do not change."""
    from gpt.text.batches import split_ids

    return split_ids(characters(text).encode(text))


@st.cache_resource(max_entries=8, show_spinner=False)
def byte_pairs(text: str) -> dict[int, "BPETokenizer"]:
    """Byte-pair encodings trained on the text's first `LONGEST_TRAINING` characters, by each of `VOCABULARY_SIZES`.

    Merges come one after another, so the smaller vocabularies are beginnings of the largest. Fewer where the text offers no more.
    """
    from gpt import BPETokenizer
    from gpt.text.tokenizer import tokenizer_from_dict

    whole = BPETokenizer.train(text[:LONGEST_TRAINING], VOCABULARY_SIZES[-1]).to_dict()
    sizes = [size for size in VOCABULARY_SIZES if size < len(whole["tokens"])] + [len(whole["tokens"])]
    return {size: tokenizer_from_dict({**whole, "tokens": whole["tokens"][:size]}) for size in sizes}


@st.cache_resource(show_spinner=False)
def gpt2() -> "BPETokenizer":
    """GPT-2's vocabulary. Raises ValueError where it is not on this machine and cannot be downloaded within `PATIENCE`."""
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


@st.cache_resource(max_entries=8, show_spinner=False)
def _corpus(key: Key, _run: "Run") -> "Corpus":
    return _run.corpus()


@st.cache_resource(max_entries=8, show_spinner=False)
def _parts(key: Key, _run: "Run") -> tuple[str, str]:
    from gpt.text.batches import split_ids

    train, held_out = split_ids(_run.tokenizer.encode(_corpus(key, _run).text))
    return _run.tokenizer.decode(train.tolist()), _run.tokenizer.decode(held_out.tolist())


@st.cache_resource(max_entries=8, show_spinner=False)
def _lexicon(key: Key, _run: "Run") -> frozenset[str]:
    from gpt.text.words import words

    return frozenset(words(_parts(key, _run)[0]))


@st.cache_data(max_entries=64, show_spinner=False)
def _longest_copy(key: Key, sample: str, _run: "Run") -> str:
    from gpt.text import words

    return words.longest_copy(sample, _parts(key, _run)[0])


@st.cache_data(max_entries=64, show_spinner=False)
def _surprise(identity: loading.Identity, text: str, _model: "GPT | Bigram", _run: "Run") -> np.ndarray:
    import torch

    from gpt.lens import surprise as lens

    ids = _run.tokenizer.encode(text, replace=loading.stand_in_of(_run.tokenizer))
    nats = lens.surprise(_model, torch.tensor(ids, dtype=torch.long))
    return lens.per_character(nats, ids, text, _run.tokenizer).numpy()


@st.cache_data(max_entries=64, show_spinner=False)
def _loss(
    identity: loading.Identity, stretches: tuple[str, ...], _model: "GPT | Bigram", _run: "Run"
) -> tuple[float, float]:
    step = identity[1]
    known = None if step is None else measured.known_loss(_run, step, stretches)
    return known or measured.measured_loss(_run, _model, stretches)


@st.cache_data(max_entries=64, show_spinner=False)
def _counted_bigram_loss(key: Key, _run: "Run") -> float | None:
    from gpt import Bigram
    from gpt.text.batches import split_ids

    train, val = split_ids(_run.tokenizer.encode(_corpus(key, _run).text))
    if _run.tokenizer.vocab_size > WIDEST_TABLE or len(val) < 2:
        return None
    log_probabilities = Bigram.from_counts(train, _run.recipe.model).table.weight
    return -log_probabilities[val[:-1], val[1:]].mean().item()


@st.cache_data(max_entries=64, show_spinner=False)
def _head_scores(
    identity: loading.Identity, ids: tuple[int, ...] | None, held_out: str, _model: "GPT | Bigram", _run: "Run"
) -> dict[str, np.ndarray]:
    import torch

    from gpt.lens import heads

    probe = heads.probe_set(_run.tokenizer, _model.config.block_size, held_out) if ids is None else torch.tensor([ids])
    return {name: score.numpy() for name, score in heads.head_scores(_model, probe).items()}


@st.cache_resource(show_spinner=False)
def _scored() -> set[loading.Identity]:
    """The models whose scores on the standard probe set have been computed."""
    return set()


def _key(ref: str) -> Key:
    folder = loading.folder_of(ref)
    return str(folder), loading.stamp(folder / "config.json", folder / "tokenizer.json", folder / "text.txt")
