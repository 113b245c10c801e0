"""The tokenizer in a GGUF file's metadata: tokens, types, and merges (byte-level BPE) or scores (SentencePiece)."""

from collections.abc import Mapping
from typing import Any

from gguf import TokenType
from tokenizers import AddedToken

from gpt.text.hf_tokenizer import HFTokenizer
from gpt.text.splitting import byte_level_bpe, sentencepiece_bpe

KEY = "tokenizer.ggml."


def read_gguf_tokenizer(metadata: Mapping[str, Any], vocab_size: int) -> HFTokenizer | None:
    """Return the tokenizer of a GGUF file; None if it has none. metadata: key → value. vocab_size: of the model.

    Raises ValueError for a kind of tokenizer or a way to split words that is not known, and for a damaged one.
    """
    model = metadata.get(f"{KEY}model")
    if model in (None, "none", "no_vocab"):
        return None
    if model not in ("gpt2", "llama"):
        raise ValueError(
            f"its tokenizer is of the kind {model!r}; only 'gpt2' (byte-level BPE) and 'llama' (SentencePiece) can be "
            "read. Open the Hugging Face folder of this model, which has a tokenizer.json"
        )
    tokens = _array(metadata, "tokens")
    added = _added_tokens(tokens, metadata.get(f"{KEY}token_type", [TokenType.NORMAL] * len(tokens)))
    if model == "llama":
        unknown = tokens[metadata.get(f"{KEY}unknown_token_id", 0)]
        prefix = metadata.get(f"{KEY}add_space_prefix", True)
        library = sentencepiece_bpe(tokens, _array(metadata, "scores"), unknown, prefix, added)
    else:
        merges = [(left, right) for left, _, right in (merge.partition(" ") for merge in _array(metadata, "merges"))]
        vocabulary = {token: i for i, token in enumerate(tokens)}
        library = byte_level_bpe(vocabulary, merges, metadata.get(f"{KEY}pre", "unnamed"), added)
    return HFTokenizer.from_library(library, vocab_size)


def _array(metadata: Mapping[str, Any], name: str) -> list[Any]:
    values = metadata.get(f"{KEY}{name}")
    if not isinstance(values, list) or not values:
        raise ValueError(f"its {KEY}{name} is missing, so there is no tokenizer; convert the model again")
    return values


def _added_tokens(tokens: list[str], types: list[int]) -> list[AddedToken]:
    """Return the special tokens, and those that are found in a text before it is cut."""
    special = {TokenType.CONTROL: True, TokenType.USER_DEFINED: False}
    return [
        AddedToken(token, normalized=False, special=special[TokenType(kind)])
        for token, kind in zip(tokens, types, strict=True)
        if kind in special
    ]
