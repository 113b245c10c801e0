"""The choices that several pages share."""

from explorer.choice import Choice
from explorer.state import LONGEST_PROMPT

MODEL = Choice("model", label="Model")
RIGHT = Choice("right", label="Model")  # on the right of the Compare page
RUN = Choice("run", label="Run")
TRANSLATOR = Choice("translator", label="Model")  # on the Encoder and decoder page
TEXT = Choice("text", label="Text")
PROMPT = Choice(
    "prompt", high=LONGEST_PROMPT, label="Prompt",
    help="The page follows what you type. Where it takes longer than a second, Enter applies the prompt. Shift+Enter "
    "starts a new line.",
)  # fmt: skip
SECOND_PROMPT = Choice("second-prompt", high=LONGEST_PROMPT, label="Second prompt")
CHANGES = Choice("changes", label="Kept changes")
LAYER = Choice(
    "layer", int, 0, label="Layer",
    help="One block of the model. Each layer reads the residual stream that the one before wrote.",
)  # fmt: skip
HEAD = Choice("head", int, 0, label="Head", help="One of several attention patterns that a layer computes in parallel.")
QUERY = Choice(
    "query", int, 0, label="Query", help="The token that reads. Its q says what this head looks for there.", place=True
)
KEY = Choice(
    "key", int, 0, label="Key", place=True,
    help="The token that is read. Its k says what it offers to this head; its v is what the head takes from it.",
)  # fmt: skip
POSITION = Choice("position", int, 0, label="Position", place=True)
SEED = Choice(
    "seed", int, 0, 2**31 - 1, label="Seed", help="The same seed with the same settings gives the same tokens."
)
SCORE = Choice("score", label="Score")
