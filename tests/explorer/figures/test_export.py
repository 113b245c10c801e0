"""Figures as files: their numbers, and pages that open by themselves."""

import csv
import io

import numpy as np
import plotly.graph_objects as go
import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer.explore.logits import figures as logit_lens
from explorer.explore.residual import figures as residual
from explorer.figures import heatmap as heads
from explorer.figures import next_token
from explorer.figures.export import FORMULA, csv_cell, figure_csv, figure_page, file_name


def table(figure: go.Figure) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(figure_csv(figure).decode("utf-8-sig"))))


def test_a_patterns_cells_are_all_there_but_the_masked_ones():
    pattern = np.tril(np.random.default_rng(0).random((3, 3)).astype(np.float32))
    pattern[np.triu_indices(3, 1)] = np.nan
    rows = table(heads.pattern_heatmap(pattern, ["=", "<b>", "a,\n"]))
    assert [(int(row["y"]), int(row["x"])) for row in rows] == [(0, 0), (1, 0), (1, 1), (2, 0), (2, 1), (2, 2)]
    assert [np.float32(row["value"]) for row in rows] == pattern[np.tril_indices(3)].tolist()
    assert [row["x label"] for row in rows] == ["'=", "'=", "<b>", "'=", "<b>", "a,⏎"]
    assert rows[4]["note"] == "2 a,⏎ · 1 <b>"


def test_points_keep_their_trace_and_place():
    figure = go.Figure([go.Scatter(name="a", x=[1, 2, 3], y=[0.5, np.nan, -1.5]), go.Bar(x=["@x", "y"], y=[1, 2])])
    rows = table(figure)
    assert [(row["trace"], row["x"], row["y"]) for row in rows] == [
        ("a", "1", "0.5"), ("a", "3", "-1.5"), ("bar 1", "'@x", "1"), ("bar 1", "y", "2")
    ]  # fmt: skip
    assert list(rows[0]) == ["trace", "x", "y"]


def test_rows_that_begin_later_keep_their_positions_and_tokens():
    values, notes = np.array([[0.25, 0.5]]), [["n", "m"]]
    figure = logit_lens.lens_table(
        ["0 mid"], ["7 a", "8 b"], [["x", " y"]], values, notes, top=1, chosen=(0, 7), first=7
    )
    rows = table(figure)
    assert [(row["y"], row["y label"], row["value"]) for row in rows[:2]] == [("7", "7 a", "0.25"), ("8", "8 b", "0.5")]
    assert [row["note"] for row in rows[2:]] == ["x · n", "·y · m"]


def test_what_is_drawn_twice_is_listed_once():
    rows = table(heads.head_map(np.array([[0.5, -0.25]]), top=1))
    assert [row["value"] for row in rows] == ["0.5", "-0.25"]


@pytest.mark.parametrize(
    "figure",
    [
        next_token.next_token_bars(("a", "<i>"), np.array([0.75, 0.25])),
        residual.before_and_after(np.zeros((2, 3)), np.ones((2, 3))),
        go.Figure(),
        go.Figure(go.Scatter()),
    ],
)
def test_every_kind_of_figure_has_a_table(figure):
    assert figure_csv(figure).decode("utf-8-sig").startswith("trace,")


@given(st.text())
def test_no_text_becomes_a_formula(text):
    cell = csv_cell(text)
    assert not cell.startswith(FORMULA) or float(text) is not None
    assert cell.removeprefix("'") == text.removeprefix("'")


@given(st.lists(st.text() | st.integers() | st.none()))
def test_a_file_name_is_only_a_name(parts):
    assert set(file_name(*parts)) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-")
    assert 0 < len(file_name(*parts)) <= 80


@pytest.mark.parametrize(("dark", "ground"), [(False, "#FFFFFF"), (True, "#111417")])
def test_a_page_holds_all_it_needs(dark, ground):
    page = figure_page(heads.head_map(np.zeros((1, 1)), top=1), "</title><script>", dark=dark).decode()
    assert f"background: {ground}" in page and f'"paper_bgcolor":"{ground}"' in page
    assert "</title><script>" not in page and "<script src=" not in page and len(page) > 3_000_000
