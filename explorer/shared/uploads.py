"""Uploaded files in the server's memory: the last one of each session. What a page needs of a file, it keeps itself."""

from functools import cache
from typing import cast

from streamlit import runtime
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import UploadedFileRec


@cache
def limit_uploads() -> None:
    """Let this server hold one file a session. Streamlit holds all that a session sends, each up to 25 MB."""
    if runtime.exists():
        hold_one(cast(MemoryUploadedFileManager, runtime.get_instance().uploaded_file_mgr))


def hold_one(manager: MemoryUploadedFileManager) -> None:
    """Let this manager drop a session's earlier files when a new one comes."""
    add = manager.add_file

    def add_only(session_id: str, file: UploadedFileRec) -> None:
        manager.remove_session_files(session_id)
        add(session_id, file)

    manager.add_file = add_only
