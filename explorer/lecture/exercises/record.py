"""Which exercises the person has solved. The browser keeps it in a cookie.

The first end of an exercise counts: solved, or shown. Wrong answers before it do not count.
"""

from explorer.lecture.exercises.registry import EXERCISES
from explorer.lecture.kit.verdicts import Verdicts

SOLVED, SHOWN = "solved", "shown"
RECORD = Verdicts("exercises", EXERCISES, (SOLVED, SHOWN))
