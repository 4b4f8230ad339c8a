"""The image of deploy/Dockerfile without Docker: its own steps, run in a folder that stands for its root."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import string
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pathspec
from dockerfile_parse import DockerfileParser

from tests.support.checkout import base_python

STUBS = {
    # Users are the host's business. What the image's user may do is not proven here.
    "useradd": "exit 0",
    "install": """for argument do
    shift
    case $argument in --owner=*|--group=*) ;; *) set -- "$@" "$argument" ;; esac
done
exec /usr/bin/install "$@\"""",
}


def steps(dockerfile: Path) -> list[tuple[str, str]]:
    """Each instruction of a Dockerfile with what follows it, comments left out."""
    structure = DockerfileParser(path=str(dockerfile)).structure
    return [
        (step["instruction"], step["value"])
        for step in structure
        if step["instruction"] != "COMMENT"
    ]


def exec_form(value: str) -> list[str]:
    """The words of a command in exec form. Raises ValueError where it is not a JSON list of texts."""
    words = json.loads(value)
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise ValueError(f"not a list of texts: {value}")
    return words


def health_command(value: str) -> str:
    """What follows CMD in a HEALTHCHECK."""
    return value.partition("CMD")[2].strip()


@dataclass
class Image:
    """An image under construction, then built. `root` is the folder that stands for `/`."""

    context: Path
    root: Path
    directory: str = "/"
    env: dict[str, str] = field(default_factory=dict)
    command: list[str] = field(default_factory=list)
    health: list[str] = field(default_factory=list)

    @classmethod
    def build(cls, context: Path, root: Path) -> Image:
        """Take every step of the Dockerfile. Raises CalledProcessError where one fails."""
        image = cls(context, root)
        image.env = image._base_environment()
        take: dict[str, Callable[[str], object]] = {
            "FROM": lambda _: None,
            "USER": lambda _: None,
            "VOLUME": lambda _: None,
            "EXPOSE": lambda _: None,
            "ENV": image._set_variables,
            "WORKDIR": image._enter,
            "COPY": image._copy,
            "RUN": image._run,
            "HEALTHCHECK": lambda value: image.health.extend(exec_form(health_command(value))),
            "CMD": lambda value: image.command.extend(exec_form(value)),
        }
        for instruction, value in steps(context / "deploy/Dockerfile"):
            take[instruction](value)
        return image

    def path(self, inside: str) -> Path:
        """Where a path of the image lies on this machine."""
        return self.root / (Path(self.directory) / inside).relative_to("/")

    def outside(self, text: str) -> str:
        """Text with the paths of the image's folders as they are on this machine."""
        return re.sub(r"(?<![\w./:])/(?=(?:app|opt|run)\b)", f"{self.root}/", text)

    def _base_environment(self) -> dict[str, str]:
        stubs = self.root / "stubs"
        stubs.mkdir(parents=True)
        (stubs / "python").symlink_to(base_python())
        for name, script in STUBS.items():
            (stubs / name).write_text(f"#!/bin/sh\n{script}\n")
            (stubs / name).chmod(0o755)
        home = self.root / "home"
        home.mkdir()
        installer = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
        return installer | {
            "PATH": f"{stubs}:/usr/local/bin:/usr/bin:/bin",
            "HOME": str(home),
            "LANG": "C.UTF-8",
        }

    def _set_variables(self, value: str) -> None:
        before = dict(self.env)
        for word in shlex.split(value):
            name, _, text = word.partition("=")
            self.env[name] = self.outside(string.Template(text).substitute(before))

    def _enter(self, directory: str) -> None:
        self.directory = directory
        self.path(".").mkdir(parents=True, exist_ok=True)

    def _copy(self, value: str) -> None:
        *sources, target = shlex.split(value)
        for source in sources:
            copies = [
                name
                for name in self._context_files()
                if name == source or name.startswith(f"{source}/")
            ]
            assert copies, f"COPY {value}: the context has no such file"
            for name in copies:
                path = (
                    self.path(target) / name
                    if target.endswith("/")
                    else self.path(target + name[len(source) :])
                )
                path.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(self.context / name, path)

    def _context_files(self) -> list[str]:
        """What Docker would be given: all files that .dockerignore does not name."""
        rules = (self.context / ".dockerignore").read_text().splitlines()
        spec = pathspec.PathSpec.from_lines("gitignore", rules)
        files = (
            path.relative_to(self.context) for path in self.context.rglob("*") if path.is_file()
        )
        return sorted(str(name) for name in files if not spec.match_file(name))

    def _run(self, value: str) -> None:
        subprocess.run(
            ["sh", "-ec", self.outside(value)], cwd=self.path("."), env=self.env, check=True
        )
