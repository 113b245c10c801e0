"""Models of the Hugging Face Hub, by id. What was downloaded once opens from the cache, without the network."""

from collections.abc import Callable, Collection, Generator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from fnmatch import fnmatch
from pathlib import Path
from threading import Event
from typing import Any

from httpx2 import HTTPError
from huggingface_hub import HfApi, constants, snapshot_download
from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled
from tqdm.auto import tqdm

from gpt.checkpoints.folder import CONFIG, has_weights, read_json
from gpt.checkpoints.tensors import Progress
from gpt.machine import bytes_in_words, free_disk
from gpt.text.hf_tokenizer import FILES as TOKENIZER

SMALL = [CONFIG, *TOKENIZER]
FILES = [*SMALL, "model.safetensors", "model.safetensors.index.json", "model-*-of-*.safetensors"]
NAP = 0.1  # seconds between two reports of progress


def fetch_model(model: str, check: Callable[[Any], Any], progress: Progress | None = None) -> Path:
    """Return the folder of a model in the Hub's cache; download it if it is not there.

    check: takes what config.json says and raises ValueError for a model that cannot be opened, before its weights are
    downloaded. Raises ValueError for an id that does not exist, no network, a gated model, and one without safetensors.
    """
    with suppress(LocalEntryNotFoundError):
        folder = Path(snapshot_download(model, allow_patterns=FILES, local_files_only=True))
        if (folder / CONFIG).exists() and has_weights(folder):
            return folder
    with _plain_errors(model):
        files = HfApi().model_info(model, files_metadata=True).siblings or []
        sizes = {file.rfilename: file.size or 0 for file in files if _is_wanted(file.rfilename)}
        _check_files(sizes)
        check(read_json(Path(snapshot_download(model, allow_patterns=SMALL)), CONFIG))
        _check_disk(sum(sizes.values()))
        return _download(model, sum(sizes.values()), progress)


def _is_wanted(name: str) -> bool:
    return any(fnmatch(name, pattern) for pattern in FILES)


def _check_files(names: Collection[str]) -> None:
    if CONFIG not in names:
        raise ValueError(f"it has no {CONFIG} on the Hub; only models that transformers opens can be opened")
    if not any(name.endswith(".safetensors") for name in names):
        raise ValueError("it has no model.safetensors on the Hub; pickles (pytorch_model.bin) are not opened")


def _check_disk(total: int) -> None:
    cache = Path(constants.HF_HUB_CACHE)
    if total > (free := free_disk(cache)):
        raise ValueError(
            f"its files need {bytes_in_words(total)} on disk; {bytes_in_words(free)} are free in {str(cache)!r}. "
            "Delete files there, or set HF_HUB_CACHE to a folder on another disk"
        )


def _download(model: str, total: int, progress: Progress | None) -> Path:
    """Download all files. A thread downloads, and this one reports; an exception of `progress` cancels the download."""
    if progress is None:
        return Path(snapshot_download(model, allow_patterns=FILES))
    bars: list[_Bar] = []
    cancelled = Event()

    class Bar(_Bar):
        known, stopped = bars, cancelled

    pool = ThreadPoolExecutor(1)
    try:
        download = pool.submit(snapshot_download, model, allow_patterns=FILES, tqdm_class=Bar)
        while not wait([download], timeout=NAP).done:
            progress(min(total, max((bar.received for bar in bars), default=0)), total, "downloading")
        return Path(download.result())
    finally:
        cancelled.set()
        pool.shutdown(wait=False)


class _Bar(tqdm):
    """A progress bar that is not drawn: it counts bytes, and stops the download when `stopped` is set."""

    known: list["_Bar"]
    stopped: Event

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs | {"disable": True})
        self.received = 0
        if kwargs.get("unit") == "B":  # the others count files
            self.known.append(self)

    def update(self, n: float | None = 1) -> None:
        if self.stopped.is_set():
            raise InterruptedError("the download was cancelled")
        self.received += int(n or 0)


@contextmanager
def _plain_errors(model: str) -> Generator[None]:
    """Say in a sentence why the Hub gave no model. Source of the errors: huggingface_hub.errors."""
    try:
        yield
    except GatedRepoError as error:
        raise ValueError(
            f"the model is gated; accept its licence on {constants.ENDPOINT}/{model}, and log in with `hf auth login`"
        ) from error
    except HfHubHTTPError as error:
        status = error.response.status_code
        if status in (401, 404):  # the Hub answers 401 where a person who is not logged in asks for what does not exist
            raise ValueError(
                "there is no such folder here and no such model on the Hub; check the id, or, for a private model, log "
                "in with `hf auth login`"
            ) from error
        raise ValueError(f"the Hub answered with status {status}; try again later") from error
    except (HTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled) as error:
        raise ValueError(
            "there is no such folder here, and the Hub cannot be reached; connect to the network, or give a folder. "
            "A model that was downloaded once needs no network"
        ) from error
