"""The chapters: those of the lecture's video, and after them the other pages of the course."""

from dataclasses import dataclass
from pathlib import Path

from explorer.navigation import COURSE, ENTRIES


@dataclass(frozen=True)
class Chapter:
    """A chapter of the lecture."""

    id: str
    title: str
    page: str | None  # its file in pages/; None where there is nothing to do
    time: str | None = None  # h:mm:ss, its published mark in the video; None where the video does not have it
    continues: str | None = None  # id of the chapter of the video that this page goes on with


VIDEO = (
    Chapter("intro", "Intro: a model that writes", "intro.py", "0:00:00"),
    Chapter("data", "Reading and exploring the data", "data.py", "0:07:52"),
    Chapter("tokens", "Tokenization, train/val split", "data.py", "0:09:28"),
    Chapter("batches", "Data loader: batches of chunks", "data.py", "0:14:27"),
    Chapter("bigram", "Bigram model: loss, generation", "bigram.py", "0:22:11"),
    Chapter("bigram-training", "Training the bigram", "bigram.py", "0:34:53"),
    Chapter("mean-loss", "The loss of many batches", "bigram.py", "0:38:00"),
    Chapter("loops", "Version 1: averaging with for loops", "averaging.py", "0:42:13"),
    Chapter("matrix-product", "The trick: a matrix product", "averaging.py", "0:47:11"),
    Chapter("batched-product", "Version 2: matrix multiply", "averaging.py", "0:51:54"),
    Chapter("softmax", "Version 3: softmax", "averaging.py", "0:54:42"),
    Chapter("clean-up", "Clean-up of the code", None, "0:58:26"),
    Chapter("positions", "Positional encoding", "positions.py", "1:00:18"),
    Chapter("head", "Version 4: self-attention", "head.py", "1:02:00"),
    Chapter("communication", "Note 1: attention as communication", "notes.py", "1:11:38"),
    Chapter("set", "Note 2: no notion of space, a set", "notes.py", "1:12:46"),
    Chapter("batch-rows", "Note 3: batch rows do not mix", "notes.py", "1:13:40"),
    Chapter("decoders", "Note 4: encoders, decoders", "mask.py", "1:14:14"),
    Chapter("cross-attention", "Note 5: self- and cross-attention", "mask.py", "1:15:39"),
    Chapter("scaled-scores", "Note 6: scaled attention", "scaled.py", "1:16:56"),
    Chapter("inserting-head", "Inserting one head", "multihead.py", "1:19:11"),
    Chapter("multi-head", "Multi-headed attention", "multihead.py", "1:21:59"),
    Chapter("feedforward", "Feedforward", "block.py", "1:24:25"),
    Chapter("residuals", "Residual connections", "block.py", "1:26:48"),
    Chapter("layernorm", "Layernorm, and batchnorm", "norms.py", "1:32:51"),
    Chapter("scaling", "Scaling up, dropout", "scaling.py", "1:37:49"),
    Chapter("translation", "Encoder, decoder, both", "translate.py", "1:42:39"),
    Chapter("nanogpt", "nanoGPT: all heads at once", "nanogpt.py", "1:46:22"),
    Chapter("chat", "ChatGPT: finetuning, RLHF", "chat.py", "1:48:53"),
    Chapter("conclusions", "Conclusions", "conclusions.py", "1:54:32"),
)
REWARDS = Chapter("rewards", "ChatGPT: rewards, policy", "rewards.py", "1:48:53", continues="chat")
LECTURES = (*VIDEO[:-1], REWARDS, VIDEO[-1])
OTHERS = tuple(
    Chapter(Path(entry.file).stem, entry.title, entry.file)
    for entry in ENTRIES
    if entry.section in COURSE and entry.file not in {chapter.page for chapter in LECTURES}
)
CHAPTERS = LECTURES + OTHERS


def find_chapter(mark: str) -> Chapter | None:
    """The chapter with this id or this time; None where there is none."""
    return next((chapter for chapter in CHAPTERS if mark in (chapter.id, chapter.time)), None)
