import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers
from tokenizers.implementations import ByteLevelBPETokenizer
from transformers.models.qwen2 import tokenization_qwen2

from gpt import UnknownCharacterError
from gpt.text.hf_tokenizer import HFTokenizer, read_tokenizer
from gpt.text.splitting import QWEN2, WAYS, byte_level_bpe, sentencepiece_bpe
from gpt.text.tokenizer import tokenizer_from_dict

many = settings(max_examples=50, deadline=None, derandomize=True)
TEXT = "low lower newest widest the thé 1 22 333 It's theirs\n\n" * 20
END = AddedToken("<|end|>", special=True, normalized=False)


def trained() -> tuple[dict[str, int], list[tuple[str, str]]]:
    library = ByteLevelBPETokenizer()
    library.train_from_iterator([TEXT], vocab_size=300, min_frequency=2, show_progress=False)
    model = json.loads(library.to_str())["model"]
    return model["vocab"], [tuple(pair) for pair in model["merges"]]


def byte_level(way: str = "gpt-2", **more) -> HFTokenizer:
    return HFTokenizer.from_library(byte_level_bpe(*trained(), way, [END]), **more)


def sentencepiece(prefix: bool = True) -> HFTokenizer:
    pieces = ["▁", "l", "o", "w", "e", "r", "lo", "low", "▁low", "er", "é"]
    tokens = ["<unk>", "<s>", *(f"<0x{byte:02X}>" for byte in range(256)), *pieces]
    scores = [0.0] * 258 + [-9.0, -9, -9, -9, -9, -9, -1, -2, -3, -4, -9]
    added = [AddedToken("<s>", special=True, normalized=False)]
    return HFTokenizer.from_library(sentencepiece_bpe(tokens, scores, "<unk>", prefix, added))


TOKENIZERS = {
    **{way: byte_level(way) for way in WAYS}, "sentencepiece": sentencepiece(), "gemma": sentencepiece(prefix=False)
}  # fmt: skip


@pytest.mark.parametrize("name", TOKENIZERS)
@many
@given(text=st.text())
def test_any_text_round_trips(name, text):
    tokenizer = TOKENIZERS[name]
    known = "".join(character for character in text if not tokenizer.unknown(character))
    ids = tokenizer.encode(known)
    assert tokenizer.decode(ids) == known
    assert b"".join(tokenizer.token_bytes(ids)) == (tokenizer.prefix if known else b"") + known.encode()
    assert all(0 <= i < tokenizer.vocab_size for i in ids)


def test_byte_level_knows_every_character_and_sentencepiece_all_but_its_own_space():
    assert byte_level().unknown("▁é🙂\x00") == [] and byte_level().prefix == b""
    assert sentencepiece().unknown("▁é🙂 ") == ["▁"] and sentencepiece().prefix == b" "
    assert sentencepiece(prefix=False).prefix == b""


@pytest.mark.parametrize(
    ("way", "pieces"),
    [
        ("gpt-2", ["It", "'s", " 2024", ":", " THEY", "'", "RE", " in", "\n\n ", " 5", "km"]),
        ("smollm", ["It", "'s", " ", "2", "0", "2", "4", ":", " THEY", "'", "RE", " in", "\n\n  ", "5", "km"]),
        ("llama-bpe", ["It", "'s", " ", "202", "4", ":", " THEY", "'RE", " in", "\n\n", " ", " ", "5", "km"]),
        ("qwen2", ["It", "'s", " ", "2", "0", "2", "4", ":", " THEY", "'RE", " in", "\n\n", " ", " ", "5", "km"]),
    ],
)
def test_each_way_cuts_a_text_as_its_family_does(way, pieces):
    cuts = byte_level_bpe({}, [], way).pre_tokenizer.pre_tokenize_str("It's 2024: THEY'RE in\n\n  5km")
    assert [piece.replace("Ġ", " ").replace("Ċ", "\n") for piece, _ in cuts] == pieces


def test_qwen_cuts_as_transformers_does():
    assert QWEN2 == tokenization_qwen2.PRETOKENIZE_REGEX


def test_tokens_have_their_real_bytes():
    tokenizer = byte_level()
    ids = tokenizer.encode("low 🙂")
    assert tokenizer.tokens(ids) == ["low", " ", "\\xf0", "\\x9f", "\\x99", "\\x82"]
    assert tokenizer.token_bytes(ids)[1:] == [b" ", b"\xf0", b"\x9f", b"\x99", b"\x82"]
    assert tokenizer.decode(ids[:3]) == "low �"
    assert sentencepiece().tokens(sentencepiece().encode("low slé")) == [" low", " ", "s", "l", "é"]


def test_special_tokens_in_a_text_are_plain_text():
    for tokenizer, special in ((byte_level(), "<|end|>"), (sentencepiece(), "<s>")):
        ids = tokenizer.encode(f"low{special}")
        assert len(ids) > 2 and tokenizer.decode(ids) == f"low{special}"
    number = byte_level().vocab_size - 1
    assert byte_level().tokens([number]) == ["<|end|>"] and number not in byte_level().encode("<|end|>")


def test_rows_without_a_token_have_a_label():
    tokenizer = byte_level(vocab_size=400)
    assert tokenizer.vocab_size == 400 and tokenizer.tokens([399]) == ["<no token 399>"]
    with pytest.raises(ValueError, match="there is no token 400: ids go from 0 to 399"):
        tokenizer.tokens([400])
    with pytest.raises(ValueError, match="the tokenizer has 8 tokens more than the model, which has 280"):
        byte_level(vocab_size=280)


def test_unicode_normalization_is_left_out():
    library = byte_level_bpe(*trained(), "gpt-2")
    library.normalizer = normalizers.NFC()
    tokenizer = HFTokenizer.from_library(library)
    assert tokenizer.decode(tokenizer.encode("e\u0301")) == "e\u0301"


def test_a_tokenizer_that_changes_the_text_is_refused():
    library = byte_level_bpe(*trained(), "gpt-2")
    library.normalizer = normalizers.Lowercase()
    with pytest.raises(ValueError, match=r"this tokenizer changes the text 'The 1st\\n  try'"):
        HFTokenizer.from_library(library)


def test_characters_as_tokens():
    library = Tokenizer(models.WordLevel({character: i for i, character in enumerate(" abé\n")}, unk_token="a"))
    library.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    tokenizer = HFTokenizer.from_library(library)
    assert tokenizer.decode(tokenizer.encode("bé a\n")) == "bé a\n" and tokenizer.prefix == b""
    assert tokenizer.unknown("abc xc") == ["c", "x"]
    with pytest.raises(UnknownCharacterError):
        tokenizer.encode("abc")
    assert tokenizer.encode("abc", replace="a") == [1, 2, 1]


@pytest.mark.parametrize("tokenizer", [byte_level(vocab_size=310), sentencepiece()])
def test_a_dict_round_trips(tokenizer):
    again = tokenizer_from_dict(json.loads(json.dumps(tokenizer.to_dict())))
    assert isinstance(again, HFTokenizer) and again.to_dict() == tokenizer.to_dict()
    assert again.encode(TEXT) == tokenizer.encode(TEXT) and again.vocab_size == tokenizer.vocab_size


def test_a_folder_with_a_tokenizer_json(tmp_path):
    assert read_tokenizer(tmp_path, "llama") is None
    (tmp_path / "tokenizer.json").write_text(byte_level_bpe(*trained(), "smollm").to_str(), encoding="utf-8")
    assert read_tokenizer(tmp_path, "llama").encode(TEXT) == byte_level("smollm").encode(TEXT)
    (tmp_path / "tokenizer.json").write_text("{", encoding="utf-8")
    with pytest.raises(ValueError, match=r"the tokenizer\.json is damaged or not known"):
        read_tokenizer(tmp_path, "llama")


def test_a_folder_with_vocabulary_and_merges(tmp_path):
    vocabulary, merges = trained()
    (tmp_path / "vocab.json").write_text(json.dumps(vocabulary), encoding="utf-8")
    (tmp_path / "merges.txt").write_text(
        "#version: 0.2\n" + "\n".join(" ".join(pair) for pair in merges) + "\n", encoding="utf-8"
    )
    assert read_tokenizer(tmp_path, "gpt2").encode(TEXT) == byte_level().encode(TEXT)
    with pytest.raises(ValueError, match=r"how a llama splits words is not known without tokenizer\.json"):
        read_tokenizer(tmp_path, "llama")
    (tmp_path / "vocab.json").write_text(json.dumps({"a": 0}), encoding="utf-8")
    with pytest.raises(ValueError, match="do not fit each other"):
        read_tokenizer(tmp_path, "gpt2")


def test_a_way_that_is_not_known_is_named():
    with pytest.raises(ValueError, match="splits words as 'kimi-k2', which is not known"):
        byte_level_bpe({}, [], "kimi-k2")
