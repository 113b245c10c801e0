"""Rename, delete and restore runs. A question names its run, and stays with it whatever happens to the list meanwhile."""

import streamlit as st

from explorer import state
from explorer.shared import loading, widgets
from explorer.train import jobs
from explorer.train.runs import folders as run_folders
from explorer.train.runs import trash
from explorer.train.runs.folders import Found
from gpt.train.machine import bytes_in_words

LOOKED_AT = ("model", "against", "translator")  # choices that may name a run
ASKED = "runs:asked"  # what the open dialog asks, and the name of the run that it is about
BUSY = "It is being trained; stop it first."


def change_buttons(entry: Found, possible: bool) -> None:
    """Open the dialogs that rename and delete this run. possible: nobody trains it."""
    rename = "Another name for the run and its folder."
    if entry.run:
        _asking("Rename", ":material/edit:", entry.name, possible, rename)
    _asking("Delete", ":material/delete:", entry.name, possible, "Asks first, and can be undone for ten minutes.")


def _asking(what: str, icon: str, name: str, possible: bool, hint: str) -> None:
    help = hint if possible else BUSY
    if st.button(what, icon=icon, key=f"runs:{what}:{name}", disabled=not possible, help=help):
        state.remember(ASKED, (what, name))
        st.rerun()


def open_dialog() -> None:
    """The open question, if any. It is drawn by each run of the whole page, so it stays while others add and remove runs."""
    what, name = state.recall(ASKED) or (None, "")
    if what:
        ask = {"Rename": _rename, "Delete": _delete}[what]
        st.dialog(f"{what} run", on_dismiss=_close)(ask)(name)


def _close() -> None:
    state.remember(ASKED, None)


def _rename(name: str) -> None:
    runs = loading.runs_folder()
    label = run_folders.found(runs / name).label
    with st.form("runs:rename", border=False):
        title = st.text_input("New name", label, max_chars=jobs.LONGEST_NAME, key=f"runs:rename:{name}").strip()
        if st.form_submit_button("Rename run", type="primary"):
            with widgets.guarded():
                if title != label:
                    new = jobs.name_for(runs, title, name)
                    jobs.rename(runs, name, new, title)
                    _choose_instead(name, new)
                _close()
                st.rerun()


def _delete(name: str) -> None:
    entry = run_folders.found(loading.runs_folder() / name)
    held = f"{len(entry.run.steps)} snapshots, " if entry.run else ""
    size = bytes_in_words(run_folders.size(entry.folder))
    st.markdown(f"Delete **{widgets.plain(entry.label)}** ({held}{size})? You can undo this for ten minutes.")
    if st.button("Delete run", type="primary", key=f"runs:delete:{name}"):
        with widgets.guarded():
            trash.delete(loading.runs_folder(), name)
            _choose_instead(name, None)
            _close()
            st.rerun()


def _choose_instead(old: str, new: str | None) -> None:
    """Let the choices that name this run name it by its new name, or (None) no run."""
    ref = new and f"runs/{new}"
    state.choose(run=new, **{choice: ref for choice in LOOKED_AT if state.choice(choice) == f"runs/{old}"})


def undo_deletions() -> None:
    """What was deleted in the last ten minutes, by whomever, with a button for each that restores it."""
    entries = trash.deleted(loading.runs_folder())
    if not entries:
        return
    st.caption("Deleted in the last ten minutes. Anyone who looks here can undo it.")
    with st.container(horizontal=True):
        for entry in entries:
            label = f"Undo: {widgets.plain(entry.name)}"
            st.button(label, icon=":material/undo:", key=f"undo:{entry.folder.name}", on_click=_restored, args=(entry,))
        folders = [entry.folder for entry in entries]
        hint = "Removes these runs for good now, and frees their space on the disk."
        st.button(
            "Remove for good", icon=":material/delete_forever:", key=f"clear:{hash(tuple(folders))}", type="tertiary", help=hint,
            on_click=trash.clear, args=(folders,),
        )  # fmt: skip


def _restored(entry: trash.Deleted) -> None:
    def restore() -> None:
        state.choose(run=trash.restore(entry))

    widgets.attempt(restore)
