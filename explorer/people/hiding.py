"""What a teacher hides from everybody else on a server, until the teacher shows it again.

A word names what is hidden: a part of every page of the lecture, a page by `word_of_page`, or chapters, as
`explorer/lecture/kit/closing.py` says.
"""

from collections.abc import Collection
from pathlib import Path

from explorer.people.identity import current
from explorer.people.rights import check_teacher
from explorer.places import runs_folder
from explorer.shared.shared_file import changing, read_shared

SPLIT = {  # word of a page before it was split → the words of what it had
    "page:head": ("page:head:only", "inserting-head"),
    "page:notes": ("page:notes:only", "page:mask", "page:scaled"),
    "page:block": ("page:positions", "multi-head", "page:block:only", "page:norms"),
    "page:chat": ("page:chat:only", "page:rewards"),
}


def hidden_words() -> list[str]:
    """Return what is hidden for students now; nothing where the file is missing or damaged.

    A word from before a page was split still hides all that this page had.
    """
    content = read_shared(_file())
    words = [word for word in content if isinstance(word, str)] if isinstance(content, list) else []
    return list(dict.fromkeys(each for word in words for each in SPLIT.get(word, (word,))))


def is_marked(*words: str) -> bool:
    """Whether one of these is hidden for students, and shown to the teacher of this session with a note."""
    return not set(words).isdisjoint(hidden_words()) and current().is_teacher


def is_hidden(*words: str) -> bool:
    """Whether one of these is hidden from the person of this session."""
    return not set(words).isdisjoint(hidden_words()) and not current().is_teacher


def hide(words: Collection[str]) -> None:
    """Hide this for students, and show everything else. Raises ValueError if the person is no teacher."""
    from gpt.train.files import write_json

    check_teacher("hide parts for everybody")
    with changing(_file()):
        write_json(_file(), sorted(set(words)))


def word_of_page(file: str) -> str:
    """Return the word that hides a page. file: of the page.

    >>> word_of_page("heads.py")
    'page:heads'
    """
    word = f"page:{Path(file).stem}"
    return f"{word}:only" if word in SPLIT else word


def _file() -> Path:
    return runs_folder() / ".hidden.json"
