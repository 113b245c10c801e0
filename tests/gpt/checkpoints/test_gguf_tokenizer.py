import pytest
from gguf import TokenType

from gpt.checkpoints.gguf_tokenizer import read_gguf_tokenizer
from gpt.text.alphabet import BYTE_OF

BYTES = [*BYTE_OF]
NORMAL, CONTROL, OWN, BYTE = TokenType.NORMAL, TokenType.CONTROL, TokenType.USER_DEFINED, TokenType.BYTE


def byte_level(**changed):
    tokens = [*BYTES, "th", "the", "<|end|>", "<think>", "Ġthe"]
    return {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "qwen2",
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.token_type": [NORMAL] * 258 + [CONTROL, OWN, NORMAL],
        "tokenizer.ggml.merges": ["t h", "th e", "Ġ the"],
    } | {f"tokenizer.ggml.{name}": value for name, value in changed.items()}


def sentencepiece(**changed):
    bytes_ = [f"<0x{byte:02X}>" for byte in range(256)]
    pieces = {"▁": -20, "t": -21, "h": -22, "e": -23, "th": -3, "he": -2, "the": -1, "▁the": -4}
    return {
        "tokenizer.ggml.model": "llama",
        "tokenizer.ggml.tokens": ["<unk>", "<s>", "</s>", *bytes_, *pieces],
        "tokenizer.ggml.scores": [0.0] * 259 + [float(score) for score in pieces.values()],
        "tokenizer.ggml.token_type": [TokenType.UNKNOWN, CONTROL, CONTROL] + [BYTE] * 256 + [NORMAL] * len(pieces),
    } | {f"tokenizer.ggml.{name}": value for name, value in changed.items()}


def test_byte_level_bpe_with_its_merges_and_its_own_tokens():
    tokenizer = read_gguf_tokenizer(byte_level(), 270)
    ids = tokenizer.encode("the thé the<|end|><think>")
    assert tokenizer.tokens(ids[:5]) == ["the", " ", "th", "\\xc3", "\\xa9"]
    assert tokenizer.tokens(ids)[5] == " the" and tokenizer.decode(ids) == "the thé the<|end|><think>"
    assert ids[-1] == 259 and 258 not in ids  # a model's own token is found in a text, a control token is not
    assert tokenizer.vocab_size == 270 and tokenizer.tokens([258, 269]) == ["<|end|>", "<no token 269>"]


def test_sentencepiece_merges_the_highest_score_first():
    tokenizer = read_gguf_tokenizer(sentencepiece(), 267)
    ids = tokenizer.encode("the the<s>é")
    assert tokenizer.tokens(ids[:2]) == [" the", " the"] and 1 not in ids
    assert tokenizer.decode(ids) == "the the<s>é" and tokenizer.token_bytes(ids)[-2:] == [b"\xc3", b"\xa9"]
    assert tokenizer.tokens(tokenizer.encode("th")) == [" ", "th"]
    bare = read_gguf_tokenizer(sentencepiece(add_space_prefix=False), 267)
    assert bare.tokens(bare.encode("the the")) == ["the", " the"]


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        (byte_level(pre="kimi-k2"), "splits words as 'kimi-k2', which is not known; known are command-r"),
        (byte_level(merges=["t q"]), "its tokens and merges do not fit each other"),
        (byte_level(merges=None), r"its tokenizer\.ggml\.merges is missing"),
        (sentencepiece(scores=None), r"its tokenizer\.ggml\.scores is missing"),
        (sentencepiece(model="rwkv"), "its tokenizer is of the kind 'rwkv'"),
    ],
)
def test_a_tokenizer_that_cannot_be_read_says_why(metadata, message):
    with pytest.raises(ValueError, match=message):
        read_gguf_tokenizer(metadata, 267)


def test_a_file_that_does_not_name_its_splitting_says_so():
    metadata = byte_level()
    del metadata["tokenizer.ggml.pre"]
    with pytest.raises(ValueError, match="splits words as 'unnamed'"):
        read_gguf_tokenizer(metadata, 270)


def test_types_and_scores_of_another_length_are_refused():
    with pytest.raises(ValueError):
        read_gguf_tokenizer(byte_level(token_type=[1, 1]), 270)
    with pytest.raises(ValueError):
        read_gguf_tokenizer(sentencepiece(scores=[1.0]), 267)


def test_a_file_without_a_tokenizer():
    assert read_gguf_tokenizer({}, 5) is None and read_gguf_tokenizer({"tokenizer.ggml.model": "none"}, 5) is None
