"""Training as jobs of a Slurm cluster, through submitit, where a settings file asks for it.

A job trains one run, on another machine that reaches the same folder of runs. The run's lock says that it trains, as
on this machine. `.job` in the run folder has the id of its job, and the cluster says whether that job still waits. So
every server that shares the folder can start, see and stop it.
"""

import contextlib
import io
import os
import re
import sys
import tomllib
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explorer.places import CLUSTER_VARIABLE
from gpt import Run, load_run
from gpt.train.files import open_regular, read_json, write_json
from gpt.train.run import UNREADABLE

if TYPE_CHECKING:
    import submitit

RECORD, JOBS = ".job", ".jobs"  # in the run folder, in the folder of runs
ROOT = Path(__file__).resolve().parents[2]
ID = re.compile(r"\d{1,18}")
NAMES = ("slurm", "local")
RUNNING = ("RUNNING", "COMPLETING")
WAITING = ("PENDING", "CONFIGURING", "REQUEUED", "SUSPENDED", "PREEMPTED", "READY")
UNKNOWN = ("UNKNOWN", "NO PROCESS AND NO RESULT")  # sacct is late or missing; a local job of another server
NO_JOB = (ImportError, NameError, TypeError, ValueError, OSError, RuntimeError, AssertionError)  # of submitit

_known: dict[str, "submitit.Job[Any]"] = {}  # by id; only the server that submits a local job knows its process


@dataclass(frozen=True)
class Cluster:
    """The settings. cluster: "slurm", or "local" for processes of submitit on this machine. jobs: at most at once.

    parameters: those of submitit's `AutoExecutor.update_parameters`, such as slurm_partition.
    """

    cluster: str = "slurm"
    jobs: int = 20
    parameters: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.cluster not in NAMES:
            raise ValueError(f"cluster = {self.cluster!r}: use one of {', '.join(NAMES)}")
        if self.jobs < 1:
            raise ValueError(f"jobs = {self.jobs}: give at least 1")


def settings() -> Cluster | None:
    """Return the settings of the cluster; None where runs train on this machine. Raises ValueError for bad ones."""
    file = os.environ.get(CLUSTER_VARIABLE)
    return _read(Path(file)) if file else None


@lru_cache(maxsize=1)
def _read(file: Path) -> Cluster:
    try:
        return Cluster(**tomllib.loads(file.read_text(encoding="utf-8")))
    except (OSError, TypeError, ValueError) as error:
        raise ValueError(f"the settings of the cluster in {str(file)!r} cannot be used: {error}") from error


class Training:
    """What submitit calls on the machine of the job, after it has unpickled it there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.goes_on = False  # whether the cluster starts it again

    def __call__(self) -> None:
        """Train the run. The process ends with the exit code of the trainer, which ends whole on SIGTERM."""
        from gpt.train.__main__ import main

        with open_regular(self.folder / "log.txt", "ab") as file:
            log = io.TextIOWrapper(file, encoding="utf-8", line_buffering=True)
            with contextlib.redirect_stdout(log), contextlib.redirect_stderr(log):
                code = main(["--resume", str(self.folder)])
        if not self.goes_on:
            (self.folder / RECORD).unlink(missing_ok=True)
        if code:
            sys.exit(code)

    def checkpoint(self) -> Any:
        """Return the job that goes on, when the time of this one is over: the same, from the newest saved state."""
        from submitit.helpers import DelayedSubmission

        run = load_run(self.folder)
        run.set_status("queued", run.status.step)
        self.goes_on = True
        return DelayedSubmission(Training(self.folder))


def submit(run: Run, chosen: Cluster) -> None:
    """Send a run to the cluster. If the cluster does not take it, the run fails with the reason."""
    paths = [str(ROOT), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    os.environ["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(filter(None, paths)))  # the job imports this module
    os.environ["TQDM_DISABLE"] = "1"
    try:
        import submitit

        folder = run.folder.parent / JOBS
        folder.mkdir(exist_ok=True)
        folder.chmod(0o700)  # a job unpickles what is there; this fails where the folder is another person's
        executor = submitit.AutoExecutor(folder=folder, cluster=chosen.cluster)
        executor.update_parameters(**{"name": f"attention-explorer-{run.name}"} | chosen.parameters)
        job = executor.submit(Training(run.folder.resolve()))
    except NO_JOB as error:
        missing = "submitit is not installed; run: pip install attention-explorer[cluster]"
        why = missing if isinstance(error, ImportError) else f"the cluster did not take it: {error}"
        return run.set_status("failed", run.status.step, why)
    _known[job.job_id] = job
    write_json(run.folder / RECORD, {"id": job.job_id, "run": run.name})


def state(run: Run) -> str | None:
    """Return the cluster's word for the state of the run's job, such as PENDING; None where it has no job."""
    job = _job(run)
    return job and job.state.upper()


def is_waiting(run: Run) -> bool:
    """Whether the cluster has a job for the run that has not ended yet."""
    now = state(run)
    return now is not None and now.startswith(WAITING + RUNNING + UNKNOWN)


def cancel(run: Run) -> bool:
    """Take a job that waits off the cluster. Returns whether it did; a job that runs already obeys the file `stop`."""
    job = _job(run)
    if not job or job.state.upper().startswith(RUNNING):
        return False
    job.cancel(check=False)
    remove_record(run)
    return True


def refresh_state(run: Run) -> None:
    """Ask the cluster now for the state of the run's job. Else submitit asks after seconds, and later after minutes."""
    if job := _job(run):
        job.get_info(mode="force")


def was_resumed_since(run: Run) -> bool:
    """Whether the run's job is older than its state: a person has resumed the run since."""
    return (run.folder / RECORD).stat().st_mtime_ns < (run.folder / "status.json").stat().st_mtime_ns


def remove_record(run: Run) -> None:
    """Remove the record of the run's job."""
    (run.folder / RECORD).unlink(missing_ok=True)


def failure_reason(run: Run) -> str:
    """Return why the run's job ended before it trained."""
    job = _job(run)
    assert job
    lines = job.paths.stderr.read_text(errors="replace").split("\n") if job.paths.stderr.exists() else []
    last = next((line.strip() for line in reversed(lines) if line.strip()), "it printed nothing")
    return f"its job {job.job_id} ended as {job.state} before it trained: {last}"


def _job(run: Run) -> "submitit.Job[Any] | None":
    """Return the run's job, where a cluster is used; None for a record that is missing, damaged, or of a copied run."""
    try:
        chosen = settings()
        record = read_json(run.folder / RECORD) if chosen else {}
        id, is_own = str(record["id"]), record["run"] == run.name
    except UNREADABLE:
        return None
    if not chosen or not is_own or not ID.fullmatch(id):
        return None
    if id not in _known:
        import submitit

        kind = submitit.SlurmJob if chosen.cluster == "slurm" else submitit.LocalJob
        _known[id] = kind(run.folder.parent / JOBS, id)
    return _known[id]
