"""Byte-level BPE and SentencePiece from a vocabulary: `tokenizers` objects for files that have no tokenizer.json.

A BPE merges within pieces of a text, and each model family cuts the pieces in its own way. A GGUF file names the way in
`tokenizer.ggml.pre`. Source: llama.cpp, src/llama-vocab.cpp, and the tokenizer.json of each family.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, normalizers, pre_tokenizers
from tokenizers.models import BPE

SPACE = "▁"  # U+2581, as SentencePiece writes a space
CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
REST = r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
LLAMA3 = rf"{CONTRACTIONS}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}{{1,3}}|{REST}"
QWEN2 = rf"{CONTRACTIONS}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}|{REST}"
UPPER, LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
TEKKEN = (
    rf"[^\r\n\p{{L}}\p{{N}}]?{UPPER}*{LOWER}+|[^\r\n\p{{L}}\p{{N}}]?{UPPER}+{LOWER}*|\p{{N}}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
GPT2 = "gpt-2"  # GPT-2's own way, which `ByteLevel` has built in
DIGITS = "digits"  # GPT-2's way, after every digit is a piece of its own
WAYS = {
    "gpt-2": GPT2, "olmo": GPT2, "mpt": GPT2, "smollm": DIGITS, "starcoder": DIGITS, "refact": DIGITS,
    "command-r": DIGITS, "llama-bpe": LLAMA3, "llama3": LLAMA3, "llama-v3": LLAMA3, "dbrx": LLAMA3,
    "smaug-bpe": LLAMA3, "qwen2": QWEN2, "deepseek-r1-qwen": QWEN2, "stablelm2": QWEN2, "tekken": TEKKEN,
}  # fmt: skip
WHOLE_WORDS = {"llama-bpe", "llama3", "llama-v3", "tekken"}  # a piece that is a token needs no merges


def byte_level_bpe(
    vocabulary: Mapping[str, int], merges: Sequence[tuple[str, str]], way: str, added: Sequence[AddedToken] = ()
) -> Tokenizer:
    """Return a byte-level BPE. way: a name in `WAYS`. added: tokens that are found before the text is cut.

    Raises ValueError for a way that is not known, and for merges whose tokens are not in the vocabulary.
    """
    if way not in WAYS:
        raise ValueError(
            f"its tokenizer splits words as {way!r}, which is not known; known are {', '.join(sorted(WAYS))}. "
            "Open the Hugging Face folder of this model, whose tokenizer.json says how"
        )
    cut = WAYS[way]
    as_bytes = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=cut in (GPT2, DIGITS))
    if cut == GPT2:
        pieces = [as_bytes]
    elif cut == DIGITS:
        pieces = [pre_tokenizers.Digits(individual_digits=True), as_bytes]
    else:
        pieces = [pre_tokenizers.Split(Regex(cut), "isolated"), as_bytes]
    tokenizer = _tokenizer(vocabulary, merges, added, ignore_merges=way in WHOLE_WORDS)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(pieces)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def sentencepiece_bpe(
    tokens: Sequence[str], scores: Sequence[float], unknown: str, prefix: bool, added: Sequence[AddedToken] = ()
) -> Tokenizer:
    """Return a SentencePiece BPE, which merges the two neighbours whose token has the highest score.

    scores: (len(tokens),). unknown: the token for what has no token. prefix: whether a space goes in front of a text.
    Raises ValueError if the unknown token is not in the vocabulary.
    """
    vocabulary = {token: i for i, token in enumerate(tokens)}
    by_score = sorted(zip(scores, tokens, strict=True), key=lambda scored: -scored[0])
    cuts = (((token[:cut], token[cut:]) for cut in range(1, len(token))) for _, token in by_score)
    merges = [(left, right) for pairs in cuts for left, right in pairs if left in vocabulary and right in vocabulary]
    tokenizer = _tokenizer(vocabulary, merges, added, unk_token=unknown, fuse_unk=True, byte_fallback=True)
    space = normalizers.Replace(" ", SPACE)
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend(SPACE), space]) if prefix else space
    tokenizer.decoder = decoders.Sequence([decoders.Replace(SPACE, " "), decoders.ByteFallback(), decoders.Fuse()])
    return tokenizer


def _tokenizer(
    vocabulary: Mapping[str, int], merges: Sequence[tuple[str, str]], added: Sequence[AddedToken], **more: Any
) -> Tokenizer:
    try:
        tokenizer = Tokenizer(BPE(dict(vocabulary), list(merges), **more))
    except Exception as error:  # the library raises no other type
        raise ValueError(f"its tokens and merges do not fit each other: {error}") from error
    tokenizer.add_tokens(list(added))
    return tokenizer
