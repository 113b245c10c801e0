"""The lecture's chapters: when each begins, the page on which it is done by hand, and the test that holds the page to it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Chapter:
    """A chapter of the lecture, from its published mark on."""

    time: str  # h:mm:ss
    title: str
    page: str | None  # its file in pages/; None where there is nothing to do
    test: str | None  # file::function in tests/


CHAPTERS = (
    Chapter("0:00:00", "Intro: a model that writes", "intro.py",
            "explorer/lecture/test_intro.py::test_each_step_shows_the_distribution_that_its_token_was_drawn_from"),
    Chapter("0:07:52", "Reading and exploring the data", "data.py",
            "explorer/lecture/test_data.py::test_the_numbers_are_the_texts_own"),
    Chapter("0:09:28", "Tokenization, train/val split", "data.py",
            "explorer/lecture/test_data.py::test_a_vocabulary_waits_for_a_guess"),
    Chapter("0:14:27", "Data loader: batches of chunks", "data.py",
            "explorer/lecture/test_data.py::test_a_chunk_is_unrolled_step_by_step"),
    Chapter("0:22:11", "Bigram model: loss, generation", "bigram.py",
            "explorer/lecture/test_bigram.py::test_the_untrained_table_loses_more_than_one_that_knows_nothing"),
    Chapter("0:34:53", "Training the bigram", "bigram.py",
            "explorer/lecture/test_bigram.py::test_the_recipe_approaches_the_counted_table"),
    Chapter("0:38:00", "The loss of many batches", "bigram.py",
            "explorer/lecture/test_bigram.py::test_the_mean_of_a_window_is_its_mean"),
    Chapter("0:42:13", "Version 1: averaging with for loops", "averaging.py",
            "explorer/lecture/test_averaging.py::test_the_loops_fill_the_output_step_by_step"),
    Chapter("0:47:11", "The trick: a matrix product", "averaging.py",
            "explorer/lecture/test_averaging.py::test_the_matrix_that_is_started_from_decides_the_product"),
    Chapter("0:51:54", "Version 2: matrix multiply", "averaging.py",
            "explorer/lecture/test_averaging.py::test_the_three_versions_are_one_on_the_page"),
    Chapter("0:54:42", "Version 3: softmax", "averaging.py",
            "explorer/lecture/test_averaging.py::test_a_softmax_of_zeros_averages"),
    Chapter("0:58:26", "Clean-up of the code", None, None),
    Chapter("1:00:18", "Positional encoding", "block.py",
            "explorer/lecture/test_block.py::test_models_that_were_trained_here_are_measured"),
    Chapter("1:02:00", "Version 4: self-attention", "head.py",
            "explorer/lecture/test_head.py::test_an_untrained_head_and_one_of_made_up_numbers_are_taken_apart"),
    Chapter("1:11:38", "Note 1: attention as communication", "notes.py",
            "explorer/lecture/test_notes.py::test_messages_sum_to_what_the_head_computes"),
    Chapter("1:12:46", "Note 2: no notion of space, a set", "notes.py",
            "explorer/lecture/test_notes.py::test_order_is_nothing_to_the_model_without_positions_and_mask_alone"),
    Chapter("1:13:40", "Note 3: batch rows do not mix", "notes.py",
            "explorer/lecture/test_notes.py::test_an_edit_stays_in_its_row_and_behind_the_mask"),
    Chapter("1:14:14", "Note 4: encoders, decoders", "notes.py",
            "explorer/lecture/test_notes.py::test_the_curves_wait_for_a_guess"),
    Chapter("1:15:39", "Note 5: self- and cross-attention", "notes.py",
            "explorer/lecture/test_notes.py::test_cross_attention_reads_another_sequence"),
    Chapter("1:16:56", "Note 6: scaled attention", "notes.py",
            "explorer/lecture/test_notes.py::test_twins_are_measured_before_training_and_after_it"),
    Chapter("1:19:11", "Inserting one head", "head.py",
            "explorer/lecture/test_head.py::test_a_trained_head_is_taken_apart_once_there_is_one"),
    Chapter("1:21:59", "Multi-headed attention", "block.py",
            "explorer/lecture/test_block.py::test_the_heads_of_the_chosen_model_are_compared_on_the_prompt"),
    Chapter("1:24:25", "Feedforward", "block.py",
            "explorer/lecture/test_block.py::test_gradients_and_what_feedforward_buys_appear_after_a_guess"),
    Chapter("1:26:48", "Residual connections", "block.py",
            "explorer/lecture/test_block.py::test_gradients_and_what_feedforward_buys_appear_after_a_guess"),
    Chapter("1:32:51", "Layernorm, and batchnorm", "block.py",
            "explorer/lecture/test_block.py::test_batchnorm_in_use_differs_from_training_and_layernorm_does_not"),
    Chapter("1:37:49", "Scaling up, dropout", "scaling.py",
            "explorer/lecture/test_scaling.py::test_the_gap_is_what_the_two_texts_differ_by"),
    Chapter("1:42:39", "Encoder, decoder, both", "translate.py",
            "explorer/lecture/test_translate.py::test_it_opens_on_a_translation_and_the_aligned_head"),
    Chapter("1:46:22", "nanoGPT: all heads at once", "nanogpt.py",
            "explorer/lecture/test_nanogpt.py::test_a_loop_over_heads_gives_the_same_numbers"),
    Chapter("1:48:53", "ChatGPT: finetuning, RLHF", "chat.py",
            "explorer/lecture/test_chat.py::test_every_stage_answers_and_is_judged"),
    Chapter("1:54:32", "Conclusions", "conclusions.py",
            "explorer/lecture/test_conclusions.py::test_runs_are_summed_up_and_found_on_the_ladder"),
)  # fmt: skip
