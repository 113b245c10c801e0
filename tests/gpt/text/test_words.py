from hypothesis import given, settings
from hypothesis import strategies as st

from gpt.text.words import longest_copy, whole_words, words


def test_words_are_lower_case_and_keep_inner_apostrophes():
    assert words("KING:\nWhat's th'expectant? 'Tis 3 o'clock_now") == [
        "king",
        "what's",
        "th'expectant",
        "tis",
        "o'clock",
        "now",
    ]


def test_words_that_the_ends_may_have_cut_are_left_out():
    assert whole_words("rd speaks to the ki") == ["speaks", "to", "the"]
    assert whole_words(" speaks ") == ["speaks"]
    assert whole_words("speaks") == whole_words("") == []


def test_the_longest_copy_is_found_anywhere():
    assert longest_copy("xx hear me yy", "Before we proceed, hear me speak") == " hear me "
    assert longest_copy("abc", "xyz") == longest_copy("", "xyz") == ""


@settings(deadline=None)
@given(st.text("ab", max_size=12), st.text("ab", max_size=30))
def test_the_longest_copy_is_the_longest(sample, corpus):
    runs = {""} | {sample[i:j] for i in range(len(sample)) for j in range(i, len(sample) + 1)}
    found = longest_copy(sample, corpus)
    assert found in corpus and found in sample
    assert len(found) == max(len(run) for run in runs if run in corpus)
