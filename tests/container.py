"""Run the steps of the Dockerfile where there is no Docker: as root on Linux, over this machine's files.

This machine is the base image. Each stage is an overlay over it, in a mount namespace of its own, so a step changes
nothing here. Steps run with only the environment of the Dockerfile, in a changed root, as the user it names.
"""

import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from string import Template

from dockerfile_parse import DockerfileParser

ROOT = Path(__file__).parents[1]
BUILDER = ("PIP_", "UV_", "SSL_")  # variables of this machine that say how to reach the registries
BASE_PATH = f"{sys.base_prefix}/bin:/usr/local/bin:/usr/bin:/bin"


def can_mount() -> bool:
    """Return whether this process may mount an overlay in a namespace of its own."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return False
    layers = "mount -t tmpfs t /mnt && mkdir /mnt/a /mnt/b /mnt/c && mount -t overlay o -o"
    layers += " lowerdir=/,upperdir=/mnt/a,workdir=/mnt/b /mnt/c"
    return subprocess.run(["unshare", "--mount", "sh", "-c", layers], capture_output=True, check=False).returncode == 0


@dataclass
class Stage:
    """What the instructions so far have set. folder: its root is folder/root; folder/changes has what it added."""

    folder: Path
    variables: dict[str, str] = field(default_factory=lambda: {"PATH": BASE_PATH})
    arguments: dict[str, str] = field(default_factory=dict)
    workdir: str = "/"
    user: str = "0:0"
    command: list[str] = field(default_factory=list)
    healthcheck: list[str] = field(default_factory=list)
    volumes: list[str] = field(default_factory=list)

    def path(self, inside: str) -> Path:
        """The path, from outside, of a path in the container."""
        return self.folder / "root" / os.path.normpath(os.path.join(self.workdir, inside)).lstrip("/")


class Image:
    """The image of the Dockerfile. `run` starts a command in it, `built` is its last stage."""

    def __init__(self, folder: Path, arguments: Mapping[str, str]) -> None:
        """Build it below an empty folder. arguments: values for ARG, as `--build-arg` gives."""
        self.folder, self.given = folder, arguments
        hold = f"mount -t tmpfs tmpfs {folder} && echo ready && exec sleep infinity"
        self.holder = subprocess.Popen(["unshare", "--mount", "sh", "-c", hold], stdout=subprocess.PIPE)
        assert self.holder.stdout and self.holder.stdout.readline() == b"ready\n"
        self.stages: dict[str, Stage] = {}
        self.arguments: dict[str, str] = {}
        try:
            parser = DockerfileParser(fileobj=io.BytesIO((ROOT / "Dockerfile").read_bytes()))
            for step in parser.structure:
                if step["instruction"] != "COMMENT":
                    getattr(self, f"_{step['instruction'].lower()}")(step["value"])
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End the namespace, and with it every mount."""
        self.holder.kill()
        self.holder.wait()

    def outside(self, *command: str | Path) -> None:
        """Run a command in the namespace, but not in the changed root."""
        subprocess.run([*self._enter(), *map(str, command)], check=True)

    def run(self, command: list[str], stage: Stage | None = None, **variables: str) -> subprocess.Popen[bytes]:
        """Start a command in the image, as its user. variables: as `docker run --env` gives."""
        stage = stage or self.built
        environment = [f"{name}={value}" for name, value in (stage.variables | variables).items()]
        root = ["chroot", f"--userspec={stage.user}", "--groups=", str(stage.folder / "root")]
        inside = ["env", "-i", *environment, "sh", "-c", f'cd {stage.workdir} && exec "$@"', "sh", *command]
        return subprocess.Popen([*self._enter(), *root, *inside], start_new_session=True)

    def _enter(self) -> list[str]:
        return ["nsenter", f"--mount=/proc/{self.holder.pid}/ns/mnt"]

    def _value(self, text: str) -> str:
        known = self.built.arguments | self.built.variables if self.stages else self.arguments
        return Template(text).safe_substitute(known)

    def _arg(self, value: str) -> None:
        name, _, default = value.partition("=")
        target = self.built.arguments if self.stages else self.arguments
        target[name] = self.given.get(name, default)

    def _from(self, value: str) -> None:
        assert re.fullmatch(r"python:\S+-slim( AS \w+)?", self._value(value)), value
        folder = self.folder / str(len(self.stages))
        self.built = Stage(folder)
        self.stages[value.partition(" AS ")[2]] = self.built
        self.outside("mkdir", "-p", *(folder / name for name in ("changes", "work", "root")))
        layers = f"lowerdir=/,upperdir={folder / 'changes'},workdir={folder / 'work'}"
        self.outside("mount", "-t", "overlay", "overlay", "-o", layers, folder / "root")
        for system in ("dev", "proc", "sys"):
            self.outside("mount", "--rbind", f"/{system}", folder / "root" / system)
        for parent in (Path(sys.base_prefix), *Path(sys.base_prefix).parents):  # every user may start the base's Python
            self.outside("chmod", "o+x", f"{folder / 'root'}{parent}")

    def _run(self, value: str) -> None:
        builder = {name: value for name, value in os.environ.items() if name.startswith(BUILDER)}
        if "PIP_FIND_LINKS" in builder:
            builder["UV_FIND_LINKS"] = builder["PIP_FIND_LINKS"]
        known = builder | self.built.arguments
        step = self.run(["sh", "-c", value], replace(self.built, variables=known | self.built.variables))
        assert step.wait() == 0, value

    def _copy(self, value: str) -> None:
        *sources, target = value.split()
        option = re.fullmatch(r"--from=(\w+)", sources[0])
        if option:
            found = [self.stages[option[1]].path(source) for source in sources[1:]]
        else:
            found = [file for source in sources for file in context(source)]
        destination = self.built.path(target)
        is_folder = target.endswith("/") or not option
        self.outside("mkdir", "-p", destination if is_folder else destination.parent)
        self.outside("cp", "-a", *found, destination)

    def _env(self, value: str) -> None:
        for name, text in re.findall(r"(\w+)=(\S+)", value):
            self.built.variables[name] = self._value(text)

    def _workdir(self, value: str) -> None:
        self.built.workdir = value
        self.outside("mkdir", "-p", self.built.path(value))

    def _user(self, value: str) -> None:
        self.built.user = value

    def _volume(self, value: str) -> None:
        self.built.volumes.append(value)

    def _expose(self, value: str) -> None:
        assert value == self.built.variables["STREAMLIT_SERVER_PORT"]

    def _healthcheck(self, value: str) -> None:
        self.built.healthcheck = json.loads(value[value.index("[") :])

    def _cmd(self, value: str) -> None:
        self.built.command = json.loads(value)


def context(source: str) -> list[Path]:
    """The files and folders that COPY takes for a source: of those that .dockerignore lets in."""
    first, *rules = [
        line for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines() if line[:1] not in ("", "#")
    ]
    assert first == "*", "everything is left out that is not named"
    named = [ROOT / rule[1:] for rule in rules if rule.startswith("!")]
    return named if source == "." else [path for path in named if path.name == source]
