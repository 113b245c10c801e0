"""The lecture's chapters: each has its page and its test, and every moment that is named is one of them."""

import ast
import re
from pathlib import Path

import pytest

from explorer.lecture.kit.chapters import CHAPTERS, VIDEO, find_chapter
from explorer.lecture.kit.classroom import PARTS
from explorer.navigation import COURSE, ENTRIES, PAGES

ROOT = Path(__file__).parents[3]
TIMES = {chapter.time for chapter in VIDEO}
DONE = [chapter for chapter in VIDEO if chapter.page]
TESTS = {  # id of a chapter -> the test of its page, in this folder
    "intro": "test_intro.py::test_each_step_shows_the_distribution_that_its_token_was_drawn_from",
    "data": "test_data.py::test_the_numbers_are_the_texts_own",
    "tokens": "test_data.py::test_a_vocabulary_waits_for_a_guess",
    "batches": "test_data.py::test_a_chunk_is_unrolled_step_by_step",
    "bigram": "test_bigram.py::test_the_untrained_table_loses_more_than_one_that_knows_nothing",
    "bigram-training": "test_bigram.py::test_the_recipe_approaches_the_counted_table",
    "mean-loss": "test_bigram.py::test_the_mean_of_a_window_is_its_mean",
    "loops": "test_averaging.py::test_the_loops_fill_the_output_step_by_step",
    "matrix-product": "test_averaging.py::test_the_matrix_that_is_started_from_decides_the_product",
    "batched-product": "test_averaging.py::test_the_three_versions_are_one_on_the_page",
    "softmax": "test_averaging.py::test_a_softmax_of_zeros_averages",
    "positions": "test_positions.py::test_positions_that_were_trained_here_are_measured",
    "head": "test_head.py::test_an_untrained_head_and_one_of_made_up_numbers_are_taken_apart",
    "communication": "test_notes.py::test_messages_sum_to_what_the_head_computes",
    "set": "test_notes.py::test_order_is_nothing_to_the_model_without_positions_and_mask_alone",
    "batch-rows": "test_notes.py::test_an_edit_stays_in_its_row",
    "decoders": "test_mask.py::test_an_edit_stays_in_its_row_and_behind_the_mask",
    "cross-attention": "test_mask.py::test_cross_attention_reads_another_sequence",
    "scaled-scores": "test_scaled.py::test_twins_are_measured_before_training_and_after_it",
    "inserting-head": "test_multihead.py::test_a_head_that_was_inserted_here_is_drawn_and_opens_taken_apart",
    "multi-head": "test_multihead.py::test_the_heads_of_the_chosen_model_are_compared_on_the_prompt",
    "feedforward": "test_block.py::test_gradients_and_what_feedforward_buys_appear_after_a_guess",
    "residuals": "test_block.py::test_gradients_and_what_feedforward_buys_appear_after_a_guess",
    "layernorm": "test_norms.py::test_batchnorm_in_use_differs_from_training_and_layernorm_does_not",
    "scaling": "test_scaling.py::test_the_gap_is_what_the_two_texts_differ_by",
    "translation": "test_translate.py::test_it_opens_on_a_translation_and_the_aligned_head",
    "nanogpt": "test_nanogpt.py::test_a_loop_over_heads_gives_the_same_numbers",
    "chat": "test_chat.py::test_every_stage_answers_and_is_judged",
    "conclusions": "test_conclusions.py::test_runs_are_summed_up_and_found_on_the_ladder",
}
CORRECTED = "0:57:00"  # within a chapter: what the lecture says there of the future has a published correction
MOMENT = re.compile(r"\b0?(\d:[0-5]\d:[0-5]\d)\b")


def named(chapter):
    return chapter.time


def read(file):
    return file.read_text(encoding="utf-8")


def parts(page):
    """The modules of explorer/lecture that a page draws."""
    for node in ast.walk(ast.parse(read(PAGES / page))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("explorer."):
            folder = ROOT.joinpath(*node.module.split("."))
            yield from filter(Path.is_file, (folder / f"{alias.name}.py" for alias in node.names))
            yield from filter(Path.is_file, [folder.with_suffix(".py")])


def test_the_chapters_are_the_lectures_in_its_order():
    times = [chapter.time for chapter in VIDEO]
    assert len(times) == 30 and times == sorted(set(times)) and times[0] == "0:00:00" and times[-1] == "1:54:32"


@pytest.mark.parametrize("chapter", DONE, ids=named)
def test_a_chapters_page_is_in_the_menu_and_names_its_moment(chapter):
    assert [entry.section for entry in ENTRIES if entry.file == chapter.page] == ["Lecture"]
    assert any(f'"{chapter.time}"' in read(file) for file in parts(chapter.page))


@pytest.mark.parametrize("chapter", DONE, ids=named)
def test_a_chapters_test_is_there(chapter):
    file, _, function = TESTS[chapter.id].partition("::")
    tree = ast.parse(read(Path(__file__).with_name(file)))
    assert function in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_a_chapter_is_named_once_and_not_like_a_part_of_every_page():
    ids = [chapter.id for chapter in CHAPTERS]
    assert len(ids) == len(set(ids)) and not set(ids) & set(PARTS)
    assert all(find_chapter(mark) is chapter for chapter in VIDEO for mark in (chapter.id, chapter.time))


def test_a_page_that_the_video_does_not_have_is_a_chapter_of_its_own():
    pages = {chapter.page for chapter in CHAPTERS}
    assert {entry.file for entry in ENTRIES if entry.section in COURSE} == pages - {None}


@pytest.mark.parametrize(
    "file", sorted((ROOT / "explorer" / "lecture").rglob("*.py")), ids=lambda file: str(file.relative_to(ROOT))
)
def test_every_moment_of_the_lectures_pages_is_a_chapters(file):
    assert set(MOMENT.findall(read(file))) <= TIMES | {CORRECTED}


def test_every_moment_that_is_named_as_the_source_of_something_is_a_chapters():
    sources = [file for folder in ("gpt", "explorer", "pages") for file in (ROOT / folder).rglob("*.py")]
    cited = {
        moment
        for file in sources
        for line in read(file).splitlines()
        if re.search("[Ll]ecture", line)
        for moment in MOMENT.findall(line)
    }
    assert cited - {CORRECTED} <= TIMES and len(cited) > 20
