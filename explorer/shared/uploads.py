"""Uploaded files in the server's memory: the last one of each session. A page copies what it needs of a file."""

from functools import cache
from typing import cast

from streamlit import runtime
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import UploadedFileRec


@cache
def limit_uploads() -> None:
    """Keep one file per session. Streamlit keeps all files of a session, each up to 25 MB."""
    if runtime.exists():
        hold_one(cast(MemoryUploadedFileManager, runtime.get_instance().uploaded_file_mgr))


def hold_one(manager: MemoryUploadedFileManager) -> None:
    """Make this manager remove a session's earlier files when a new one arrives."""
    add = manager.add_file

    def add_only(session_id: str, file: UploadedFileRec) -> None:
        manager.remove_session_files(session_id)
        add(session_id, file)

    manager.add_file = add_only
