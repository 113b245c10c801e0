"""The dialogs of a run. A dialog keeps its run, whatever happens to the list meanwhile."""

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from explorer import state
from explorer.choice import choose
from explorer.opened import runs_folder
from explorer.people.rights import why_closed
from explorer.places import READ_ONLY, is_read_only
from explorer.shared import widgets
from explorer.shared.choices import MODEL, RIGHT, RUN, TRANSLATOR
from explorer.train import jobs, names
from explorer.train.runs import export, folders, prepared, transfer, trash
from gpt import Run
from gpt.machine import bytes_in_words

CHOICES = (MODEL, RIGHT, TRANSLATOR)  # choices that may name a run
DIALOG = "runs:dialog"  # the title of the open dialog, and the name of its run
BUSY = "A worker trains this run; stop it first."


def draw_buttons(entry: folders.Entry, possible: bool) -> None:
    """Draw the buttons that open the dialogs of this run. possible: no worker trains it, so it can be changed."""
    busy = "" if possible else BUSY
    closed = why_closed(entry.folder) or busy
    if entry.run:
        _draw_button("Export", ":material/output:", entry.name, "Download the model for other programs.")
        _draw_button("Download", ":material/download:", entry.name, "Download the whole run as one file.", busy)
        _draw_button("Rename", ":material/edit:", entry.name, "Give the run and its folder a new name.", closed)
    hint = "Opens a question first. You can undo a deletion for ten minutes."
    _draw_button("Delete", ":material/delete:", entry.name, hint, closed)


def draw_import_button() -> None:
    """Draw the button that opens the dialog for a run's .zip."""
    closed = READ_ONLY if is_read_only() else ""
    _draw_button("Import", ":material/upload:", "", "Add a run from the .zip that *Download* makes.", closed)


def _draw_button(action: str, icon: str, name: str, hint: str, closed: str = "") -> None:
    """Draw a button that opens a dialog. closed: why it cannot be opened now."""
    if st.button(action, icon=icon, key=f"runs:{action}:{name}", disabled=bool(closed), help=closed or hint):
        state.remember(DIALOG, (action, name))
        st.rerun()


def draw_dialog() -> None:
    """Draw the open dialog, if any. Each rerun draws it again, so it stays while others add and remove runs."""
    action, name = state.recall(DIALOG) or (None, "")
    if action:
        draw = {"Download": _download, "Import": _import, "Export": _export, "Rename": _rename, "Delete": _delete}[
            action
        ]
        st.dialog(f"{action} run", on_dismiss=_close)(draw)(name)


def _close() -> None:
    state.remember(DIALOG, None)
    prepared.forget()


def _export(name: str) -> None:
    _draw_if_open(name, export.draw)


def _download(name: str) -> None:
    _draw_if_open(name, transfer.draw_download)


def _draw_if_open(name: str, draw: Callable[[Run], None]) -> None:
    entry = folders.open_entry(runs_folder() / name)
    if entry.run is None:
        st.error(widgets.plain(entry.error, longest=1000), icon=":material/error:")
    else:
        draw(entry.run)


def _import(_: str) -> None:
    if transfer.draw_import():
        _close()
        st.rerun()


def _rename(name: str) -> None:
    runs = runs_folder()
    label = folders.open_entry(runs / name).label
    with st.form("runs:rename", border=False):
        title = st.text_input("New name", label, max_chars=names.LONGEST_NAME, key=f"runs:rename:{name}").strip()
        if st.form_submit_button("Rename run", type="primary"):
            with widgets.guarded():
                if title != label:
                    new = names.name_of_title(runs, title, name)
                    jobs.rename(runs, name, new, title)
                    _update_choices(name, new)
                _close()
                st.rerun()


def _delete(name: str) -> None:
    entry = folders.open_entry(runs_folder() / name)
    snapshots = f"{len(entry.run.steps)} snapshots, " if entry.run else ""
    size = bytes_in_words(folders.size(entry.folder))
    st.markdown(f"Delete **{widgets.plain(entry.label)}** ({snapshots}{size})? You can undo this for ten minutes.")
    if st.button("Delete run", type="primary", key=f"runs:delete:{name}"):
        with widgets.guarded():
            trash.delete(runs_folder(), name)
            _update_choices(name, None)
            _close()
            st.rerun()


def _update_choices(old: str, new: str | None) -> None:
    """Replace the old name of a run in all choices by the new one (None: remove it)."""
    ref = new and f"runs/{new}"
    choose({RUN: new} | {choice: ref for choice in CHOICES if choice.text == f"runs/{old}"})


def draw_undo() -> None:
    """Draw one button for each run that was deleted in the last ten minutes, by anyone."""
    entries = trash.deleted(runs_folder())
    if not entries or is_read_only():
        return
    st.caption("Deleted in the last ten minutes. Everyone on this page can undo it.")
    with st.container(horizontal=True):
        for entry in entries:
            label, key = f"Undo: {widgets.plain(entry.name)}", f"undo:{entry.folder.name}"
            st.button(label, icon=":material/undo:", key=key, on_click=_restore, args=(entry,))
        deleted = [entry.folder for entry in entries]
        st.button(
            "Remove for good", icon=":material/delete_forever:", key=f"clear:{hash(tuple(deleted))}", type="tertiary",
            help="Removes these runs from the disk now.", on_click=_remove, args=(deleted,),
        )  # fmt: skip


def _restore(entry: trash.Deleted) -> None:
    widgets.attempt(lambda: choose({RUN: trash.restore(entry)}))


def _remove(deleted: list[Path]) -> None:
    widgets.attempt(trash.remove, deleted)
