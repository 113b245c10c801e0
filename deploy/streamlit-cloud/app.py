"""The main file on Streamlit Community Cloud: the app, read-only by default."""

import os
import runpy
from pathlib import Path

os.environ.setdefault("ATTENTION_EXPLORER_READ_ONLY", "1")
runpy.run_path(str(Path(__file__).resolve().parents[2] / "explorer" / "app.py"), run_name="__main__")
