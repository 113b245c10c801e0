"""A text as tokens under several tokenizers, and the batches that training reads."""

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from explorer import state
from explorer.choice import Choice, choose
from explorer.components.token_cells import chips, rows
from explorer.explore.tokens.figures import split_bar, vocabulary_against_length
from explorer.figures import style
from explorer.figures.tokens import visible
from explorer.opened import open_model
from explorer.real_models import list_models
from explorer.shared import model_list, open_real, own_text, texts, widgets
from explorer.shared.chart import chart
from explorer.shared.choices import SEED, TEXT
from explorer.shared.own_text import OWN
from explorer.shared.prompt import stand_in_of

if TYPE_CHECKING:
    from gpt import Corpus
    from gpt.text.tokenizer import Tokenizer

OLD = "own text"  # in earlier links
GPT2 = "gpt2 wanted"
SIZE = 512  # tokens of the trained BPE until the person chooses
VOCABULARY = Choice(
    "vocabulary", options=texts.VOCABULARY_SIZES, default=SIZE, label="BPE vocabulary",
    help="The number of tokens that a tokenizer knows. Byte-pair encoding (BPE) begins with 256 bytes and joins the "
    "most frequent pair of neighbours into a new token, again and again.",
)  # fmt: skip
TOKENIZER_OF = Choice(
    "tokenizer-of", label="Tokenizer of a model",
    help="A model reads and writes the tokens that it was trained on. Those of a real model were trained on web pages.",
)  # fmt: skip
BATCH = Choice(
    "batch", int, 1, 16, label="B, chunks", help="Batch size: the number of chunks that the model reads in parallel."
)
BLOCK = Choice(
    "block", int, 1, 32, label="T, tokens of context",
    help="Block size: the tokens of context in a chunk. With the token after them they make T examples.",
)  # fmt: skip
CHUNK = Choice("chunk", int, 0, default=0, label="Chunk")
DEFAULTS = {BATCH: 4, BLOCK: 8, SEED: 1337}  # the lecture's
SHOWN_IDS = 400


def pick_text() -> "Corpus | None":
    """Let the person choose the text. None, below an explanation, where there is no text or it cannot be read."""
    from gpt import CORPORA, load_corpus

    names = [*CORPORA, OWN]
    if TEXT.text == OLD:
        choose({TEXT: OWN})
    shown = TEXT.read(options=names, default=names[0])
    st.selectbox(options=names, **TEXT.bound(shown))
    with widgets.guarded():
        if shown != OWN:
            return load_corpus(shown)
        own_text.uploader("tokens")
        return own_text.kept()
    return None


def pick_size() -> int:
    """Let the person choose the size of the BPE vocabulary. A short text gives fewer tokens."""
    size = VOCABULARY.read()
    st.select_slider(options=texts.VOCABULARY_SIZES, **VOCABULARY.bound(size))
    return size


def draw_tokenizers(corpus: "Corpus", size: int, prompt: str) -> None:
    """Draw the prompt under each tokenizer, and vocabulary size against length."""
    with st.spinner("Training a BPE on this text …"):
        trained = texts.byte_pairs(corpus.text)
    size = min(size, max(trained))
    st.markdown(_summary(f"Characters of {corpus.name}", texts.characters(corpus.text), prompt))
    _tokens(texts.characters(corpus.text), prompt, "characters")
    st.markdown(_summary(f"BPE trained on {corpus.name}", trained[size], prompt))
    _tokens(trained[size], prompt, "bpe")
    picker, button = st.columns(2, gap="medium", vertical_alignment="bottom")
    with picker:
        of_model = pick_model_tokenizer()
    with button:
        gpt2 = load_gpt2_vocabulary()
    for key, named in (("model", of_model), ("gpt2", gpt2)):
        for name, tokenizer in named.items():
            st.markdown(_summary(name, tokenizer, prompt))
            _tokens(tokenizer, prompt, key)
    draw_vocabularies(corpus, prompt, size, of_model | gpt2)


def draw_vocabularies(corpus: "Corpus", text: str, size: int, others: "dict[str, Tokenizer]") -> dict[str, int]:
    """Draw the text's length in tokens under each vocabulary. Return name → length.

    size: of the BPE that the figure labels. others: name → tokenizer that was not trained on this text.
    """
    trained = texts.byte_pairs(corpus.text)
    named = {"characters": texts.characters(corpus.text), **{f"BPE {n:,}": trained[n] for n in trained}} | others
    shown = [i for i, name in enumerate(named) if name in ("characters", f"BPE {size:,}", *others)]
    lengths = [len(_encode(tokenizer, text)) for tokenizer in named.values()]
    figure = vocabulary_against_length(list(named), [t.vocab_size for t in named.values()], lengths, shown)
    chart(figure, key="vocabulary", alt="Vocabulary size against sequence length")
    return dict(zip(named, lengths, strict=True))


def pick_model_tokenizer() -> "dict[str, Tokenizer]":
    """Let the person pick a model. Return its title → its tokenizer; empty until then, and if it cannot be opened."""
    listed = model_list.real_models() | model_list.prompted()
    labels = {ref: model.label for ref, model in listed.items()}
    ref = TOKENIZER_OF.read(options=[*labels])
    more = {"index": None, "placeholder": "Pick a model", "format_func": labels.__getitem__}
    st.selectbox(options=labels, **TOKENIZER_OF.bound(ref, labels, **more))
    real = list_models().get(ref)
    if ref is None or (real is not None and not open_real.await_model(real)):
        return {}
    opened = open_model(ref)
    return {opened.label: opened.tokenizer}


def load_gpt2_vocabulary() -> "dict[str, Tokenizer]":
    """Load GPT-2's vocabulary once the person asks for it. Empty until then, and where it cannot be downloaded."""
    help = "50,257 tokens. The first use downloads them."
    if st.button("Load GPT-2's vocabulary", icon=":material/download:", help=help):
        state.remember(GPT2, True)
    if not state.recall(GPT2):
        return {}
    try:
        with st.spinner("Loading GPT-2's vocabulary …"):
            return {"GPT-2": texts.gpt2()}
    except ValueError as error:
        state.remember(GPT2, False)
        st.info(widgets.plain(str(error), longest=1000), icon=":material/cloud_off:")
        return {}


def _encode(tokenizer: "Tokenizer", text: str) -> list[int]:
    return tokenizer.encode(text, replace=stand_in_of(tokenizer))


def _summary(name: str, tokenizer: "Tokenizer", text: str) -> str:
    count = len(_encode(tokenizer, text))
    return (
        f"**{widgets.plain(name)}** · vocabulary {tokenizer.vocab_size:,} · {widgets.count(count, 'token')} · "
        f"{len(text) / count:.2f} characters a token"
    )


def _tokens(tokenizer: "Tokenizer", text: str, key: str) -> None:
    """Draw the text's tokens as chips, then their ids."""
    encoded = _encode(tokenizer, text)
    ids: list[int | None] = list(encoded)
    tokens = tokenizer.tokens(encoded)
    unknown = set(tokenizer.unknown(text))
    if unknown and len(ids) == len(text):  # every character is a token
        tokens = list(text)
        ids = [None if character in unknown else i for character, i in zip(text, ids, strict=True)]
    notes = [
        f"{n} {visible(token)}  {'not in the alphabet' if i is None else f'id {i}'}"
        for n, (token, i) in enumerate(zip(tokens, ids, strict=True))
    ]
    chips(tokens, ids, notes, label=f"Tokens: {key}", key=f"tokens:{key}")
    more = f" … and {len(ids) - SHOWN_IDS:,} more" if len(ids) > SHOWN_IDS else ""
    shown = " ".join("–" if i is None else str(i) for i in ids[:SHOWN_IDS])
    st.code(shown + more, language=None, wrap_lines=True, height=90)
    if None in ids:
        st.caption("–: the tokenizer's alphabet does not have this character.")


def draw_batch(corpus: "Corpus") -> None:
    """Draw a batch of the training text, one row as examples, and where the chunks come from."""
    batch_size, block_size, seed = pick_batch()
    text, tokenizer = corpus.text, texts.characters(corpus.text)
    cut = int(0.9 * len(text))
    positions = texts.batch(cut, batch_size, block_size, seed)
    figure = split_bar(len(text), cut, positions[:, 0].tolist())
    chart(figure, key="split", alt="Where the text is cut and where the chunks come from")
    before, after = (widgets.plain(visible(part)) for part in (text[max(0, cut - 30) : cut], text[cut : cut + 30]))
    widgets.caption(
        f"The first 90 % ({style.word(style.ACCENT)}) are training text, the rest ({style.word(style.SECOND)}) is "
        f"validation text. The split is at …{before} │ {after}… Triangles show where this batch's chunks start.",
        "0:09:28",
    )
    left, right = st.columns([1, 1], gap="medium")
    with left:
        row, chunk = draw_chunks(text, tokenizer, positions)
    with right:
        st.markdown(f"**Row {row + 1} as {widgets.count(block_size, 'example')}** · context → target")
        draw_examples(tokenizer, chunk)
        widgets.caption("One chunk has an example for every length of context from 1 to T.", "0:14:27")


def pick_batch() -> tuple[int, int, int]:
    """Let the person choose B, T and the seed of a batch."""
    choices = (BATCH, BLOCK, SEED)
    batch_size, block_size, seed = (choice.read(default=DEFAULTS[choice]) for choice in choices)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        for choice, value in zip(choices, (batch_size, block_size, seed), strict=True):
            st.number_input(**choice.bound(value))
        st.button("Another batch", icon=":material/casino:", on_click=choose, args=({SEED: (seed + 1) % 2**31},))
    return batch_size, block_size, seed


def draw_chunks(text: str, tokenizer: "Tokenizer", positions: np.ndarray) -> tuple[int, list[str]]:
    """Draw a batch, one chunk per row. Return the chosen row and its tokens. positions: (B, T + 1), in the text."""
    chunks = [[text[position] for position in row] for row in positions]
    st.markdown(f"**The batch** · B × T = {len(chunks)} × {len(chunks[0]) - 1}")
    row = _grid(tokenizer, chunks, positions)
    sentence = "Each row is a chunk of the text and the token after it. The target of a token is the next token."
    widgets.caption(sentence, "0:14:27")
    return row, chunks[row]


def _grid(tokenizer: "Tokenizer", chunks: list[list[str]], positions: np.ndarray) -> int:
    ids = [tokenizer.encode("".join(chunk)) for chunk in chunks]
    notes = [
        [f"{visible(token)}  id {i}, token {position:,} of the text" for token, i, position in zip(*row, strict=True)]
        for row in zip(chunks, ids, positions.tolist(), strict=True)
    ]
    shown = CHUNK.read(high=len(chunks) - 1)
    options = {"selectable": True, "targets": True, "opening": shown}
    row = rows(chunks, ids, notes, label="The batch, one chunk per row", key="batch", **options)
    if row != shown:
        choose({CHUNK: row})
    return row


def draw_examples(tokenizer: "Tokenizer", chunk: list[str]) -> None:
    """Draw the examples in a chunk, one per row: the context, and the token to predict."""
    from gpt import lecture

    ids = [[*context, target] for context, target in lecture.examples(tokenizer.encode("".join(chunk)))]
    tokens = [tokenizer.tokens(row) for row in ids]
    notes = [
        [
            f"{visible(token)}  id {i}, {'the target' if n == len(row) - 1 else 'context'}"
            for n, (token, i) in enumerate(zip(row, row_ids, strict=True))
        ]
        for row, row_ids in zip(tokens, ids, strict=True)
    ]
    rows(tokens, ids, notes, label="Examples, context then target", key="examples", targets=True)
