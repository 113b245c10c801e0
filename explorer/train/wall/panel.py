"""The class wall: the task, how to join, and a tile for each person's run."""

from dataclasses import fields
from hashlib import blake2b
from urllib.parse import urlencode

import numpy as np
import streamlit as st

from explorer.choice import parameters
from explorer.components.wall import Tile, wall
from explorer.figures.curves import thinned
from explorer.navigation import PAGES
from explorer.opened import runs_folder
from explorer.people.identity import Person, current
from explorer.shared import widgets
from explorer.shared.choices import RUN
from explorer.shared.fragment import fragment
from explorer.train import jobs
from explorer.train.progress import STATE_NAMES
from explorer.train.runs import trash
from explorer.train.wall.facts import BOARD, PERIOD, Facts
from explorer.train.wall.joining import class_link, qr_code
from explorer.train.wall.ranking import (
    COMPARED,
    LONGEST_WORDS,
    MOST,
    Entrant,
    Ranking,
    Task,
    broken_limit,
    pick_one_each,
    rank_runs,
)
from explorer.train.wall.setting import read_hidden, read_task, set_hidden, set_task

MOST_POINTS = 40  # validation losses of a tile
QR_WIDTH, LARGE_QR = 130, 520  # pixels
HELD_BACK = "A run that was stopped or failed does not hold the others back."
ONE_EACH = (
    "A person has one tile: the newest run that trains or waits, else the one with the lowest loss that keeps the "
    "task. Runs from the shell have a tile each."
)


def draw_wall() -> None:
    """Draw the task, how to join, and the tiles, which follow the runs while the page is open."""
    left, right = st.columns([3, 2], gap="medium")
    with right:
        _draw_joining()
    with left:
        task = read_task()
        _draw_task(task)
        if current().is_teacher:
            _edit_task(task)
    fragment(_draw_tiles, run_every=PERIOD)


def _draw_joining() -> None:
    link = class_link(st.context.url or "")
    if link is None:
        st.caption("Only this machine reaches this server. `docs/classroom.md` says how to let a class in.")
        return
    with st.container(horizontal=True, vertical_alignment="center", key="wall:join"):
        st.image(qr_code(link), width=QR_WIDTH)
        with st.container(width=300, gap="small"):
            st.markdown(f"**Join:** {widgets.plain(link)}")
            if st.button("Show large", icon=":material/qr_code_2:", help="For the projector"):
                _show_large(link)


@st.dialog("Join the class", width="large", icon=":material/qr_code_2:")
def _show_large(link: str) -> None:
    with st.container(horizontal_alignment="center"):
        st.image(qr_code(link), width=LARGE_QR)
        st.title(widgets.plain(link), anchor=False, width="content")


def _draw_task(task: Task) -> None:
    if task.words or task.limits:
        limits = f"{task.limits[:1].upper()}{task.limits[1:]}."
        st.subheader(widgets.plain(task.words or "The task", longest=LONGEST_WORDS), anchor=False)
        if task.limits:
            after = " What a run learns later does not count." if task.minutes else ""
            st.markdown(f"{limits}{after}")
    elif current().role == "visitor":
        st.markdown("Type your name at the top of the page, then start a run. It appears here.")
    with st.container(horizontal=True):
        st.page_link(PAGES / "train.py", label="Start a run", icon=":material/show_chart:")
        st.page_link(PAGES / "runs.py", label="All runs", icon=":material/list:")


def _edit_task(task: Task) -> None:
    """Let the teacher set the task."""
    with st.expander("Set the task", icon=":material/edit:"), st.form("wall:task", border=False):
        words = st.text_input("What to do", task.words, max_chars=LONGEST_WORDS, placeholder="Reach the lowest loss")
        with st.container(horizontal=True):
            help = "0 is no limit. What a run learns later does not count."
            minutes = st.number_input("Minutes of training", 0.0, 10_000.0, float(task.minutes), 1.0, help=help)
            limits = {
                each.name: st.number_input(
                    each.metadata["label"],
                    0,
                    MOST,
                    getattr(task, each.name),
                    help=each.metadata["help"] or "0: no limit",
                )
                for each in fields(Task)
                if each.metadata
            }
        labels = list(COMPARED)
        compare = st.radio("Rank", labels, labels.index(task.compare), COMPARED.__getitem__, horizontal=True)
        saved, removed = st.columns(2)
        is_saved = saved.form_submit_button("Save task", type="primary")
        is_removed = removed.form_submit_button("Remove task")
    if is_saved or is_removed:
        with widgets.guarded():
            set_task(Task() if is_removed else Task(words.strip(), minutes, **limits, compare=compare))
            st.rerun()


def _draw_tiles() -> None:
    runs, person = runs_folder(), current()
    with widgets.guarded():
        jobs.advance(runs)
    hidden, task = read_hidden(), read_task()
    facts = {each.run.name: each for each in BOARD.read(runs) if person.is_teacher or _owner_key(each) not in hidden}
    if not facts:
        return widgets.empty_state("No run yet.", f"{_first_steps(person)} Each run has a tile here, with its loss.")
    chosen = pick_one_each(task, [each.entrant for each in facts.values()])
    visible = [run for run in chosen if _owner_key(facts[run.name]) not in hidden]
    ranking = rank_runs(task, visible)
    order = [*ranking.losses, *(run.name for run in chosen if run.name not in ranking.losses)]
    ranks = {name: place for place, name in enumerate(ranking.losses, 1)}
    tiles = {_tile_key(facts[name]): name for name in order}
    shown = [
        _make_tile(facts[name], task, ranking, ranks.get(name), _owner_key(facts[name]) in hidden) for name in order
    ]
    pressed = wall(shown, is_teacher=person.is_teacher, unit="nats per token on the validation text", key="wall")
    st.caption(f"{_explain(task, ranking)} {ONE_EACH}")
    if pressed and pressed[1] in tiles:
        with widgets.guarded():
            _act(pressed[0], facts[tiles[pressed[1]]], hidden)
            st.rerun()


def _first_steps(person: Person) -> str:
    name = "Type your name at the top of the page, then press " if person.role == "visitor" else ""
    return f"{name or 'Press '}*Start* on the *Train* page."


def _act(action: str, facts: Facts, hidden: list[str]) -> None:
    """Hide or show a tile, or delete its run, as the teacher asks. Raises ValueError where that is not possible."""
    owner = _owner_key(facts)
    if action == "remove":
        trash.delete(facts.run.folder.parent, facts.run.name)
        BOARD.clear()
        st.toast("The run is deleted. *Undo* is on the Runs page for ten minutes.")
    else:
        set_hidden({*hidden, owner} if action == "hide" else {*hidden} - {owner})


def _explain(task: Task, ranking: Ranking) -> str:
    """Return one sentence that says how the runs are ranked."""
    kept = " that keep the task" if task.limits else ""
    if ranking.after is None:
        return f"Runs{kept} are ranked by their lowest validation loss." if ranking.losses else "No run is ranked yet."
    if task.compare == "tokens":
        return f"Runs{kept} are ranked by their validation loss after {task.after:,} tokens (the dashed line)."
    return (
        f"Runs{kept} are ranked by their validation loss after {ranking.after:,.0f} tokens (the dashed line), the most "
        f"that each of them has read. {HELD_BACK}"
    )


def _make_tile(facts: Facts, task: Task, ranking: Ranking, rank: int | None, is_hidden: bool) -> Tile:
    run, entrant, measured, strongest = facts.run, facts.entrant, facts.entrant.measured, facts.strongest
    is_ranked, total, link = run.name in ranking.losses, entrant.tokens, parameters({RUN: run.name})
    some = thinned(measured.losses, MOST_POINTS)
    shares = np.minimum(measured.tokens[some] / total, 1)
    return Tile(
        key=_tile_key(facts),
        title=facts.owner.name if entrant.person else run.label,
        subtitle=_subtitle(facts),
        link=f"train?{urlencode(link)}",
        state=STATE_NAMES[facts.status.state],
        rank=rank,
        loss=_rounded(measured.losses[-1]) if len(measured.losses) else None,
        verdict=_verdict(task, entrant, ranking),
        is_ranked=is_ranked,
        curve=facts.curve,
        done=_rounded(min(facts.status.step / run.recipe.steps, 1)),
        points=list(zip(map(_rounded, shares), map(_rounded, measured.losses[some]), strict=True)),
        mark=_rounded(min(ranking.after / total, 1)) if ranking.after and is_ranked else None,
        sample=facts.sample.strip(),
        head=f"{strongest.kind} L{strongest.layer}·H{strongest.head} {strongest.score:+.2f}" if strongest else "",
        is_hidden=is_hidden,
    )


def _verdict(task: Task, run: Entrant, ranking: Ranking) -> str:
    """Say whether a run keeps the task, and its loss that ranks, or why it has no rank."""
    broken = broken_limit(task, run)
    if broken:
        return f"✗ {broken}"
    keeps = "✓ keeps the task · " if task.limits else ""
    if run.name in ranking.losses:
        where = "lowest" if ranking.after is None else f"after {ranking.after:,.0f} tokens"
        return f"{keeps}{ranking.losses[run.name]:.3f} {where}"
    return f"{keeps}not ranked: {ranking.reasons[run.name]}" if run.name in ranking.reasons else ""


def _subtitle(facts: Facts) -> str:
    name = f"{facts.run.label} · " if facts.entrant.person else ""
    return f"{name}{facts.entrant.parameters:,} parameters · step {facts.status.step:,} of {facts.run.recipe.steps:,}"


def _owner_key(facts: Facts) -> str:
    return facts.entrant.person or f"run:{facts.run.name}"


def _tile_key(facts: Facts) -> str:
    """Return a name of the tile for the browser: a person's id stays on the server."""
    return blake2b(_owner_key(facts).encode(), digest_size=8).hexdigest()


def _rounded(value: float) -> float:
    return round(float(value), 4)
