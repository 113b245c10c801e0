"""Small GPTs to train, to generate with, and to look into. These are the public names."""

from gpt.checkpoints import export_pretrained, load_pretrained
from gpt.generate import Step, distribution, generate, translate
from gpt.model.bigram import Bigram
from gpt.model.build import build_model
from gpt.model.config import GPTConfig
from gpt.model.gpt import GPT, loss_of
from gpt.model.hooks import ActivationCache
from gpt.model.seq2seq import Seq2Seq
from gpt.text.corpus import CORPORA, Corpus, CorpusError, load_corpus
from gpt.text.tokenizer import BPETokenizer, CharTokenizer, UnknownCharacterError
from gpt.train.create import create_run
from gpt.train.presets import PRESETS
from gpt.train.recipe import Recipe
from gpt.train.run import Run, RunError, load_run

__all__ = [
    "CORPORA",
    "GPT",
    "PRESETS",
    "ActivationCache",
    "BPETokenizer",
    "Bigram",
    "CharTokenizer",
    "Corpus",
    "CorpusError",
    "GPTConfig",
    "Recipe",
    "Run",
    "RunError",
    "Seq2Seq",
    "Step",
    "UnknownCharacterError",
    "build_model",
    "create_run",
    "distribution",
    "export_pretrained",
    "generate",
    "load_corpus",
    "load_pretrained",
    "load_run",
    "loss_of",
    "translate",
]
