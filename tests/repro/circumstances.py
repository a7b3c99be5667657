"""The circumstances of a build that must not show in the book."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

STRANGE = Path(__file__).with_name("strange")  # has a sitecustomize.py
DAY = 24 * 3600


def another_locale() -> str:
    """Return a locale of this machine that is not plain C, or C where there is none."""
    listing = subprocess.run(
        ["locale", "-a"], capture_output=True, text=True, check=False
    )
    names = [
        name
        for name in listing.stdout.split()
        if "." in name and not name.lower().startswith(("c.", "posix", "en_"))
    ]
    return names[0] if names else "C"


@dataclass
class Circumstances:
    """Where, when and how a book is built."""

    folder: str
    environment: dict[str, str]
    jobs: str
    umask: int
    age: float  # of the sources, in seconds: they are that much older
    options: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self.options = ["-j", self.jobs]

    def environ(self, root: Path) -> dict[str, str]:
        """Return the whole environment of a build of the book in a folder."""
        path = os.pathsep.join([str(STRANGE), str(root)])
        home = root.parent / "home"
        home.mkdir(exist_ok=True)
        return {
            **os.environ,
            "PYTHONPATH": path,
            "NO_NETWORK": str(root.parent / "network.txt"),
            "HOME": str(home),
            **self.environment,
        }

    def prepare(self, root: Path) -> None:
        """Give the files of a book their age."""
        for path in root.rglob("*"):
            status = path.stat()
            os.utime(path, (status.st_atime - self.age, status.st_mtime - self.age))


def here() -> Circumstances:
    """Return plain circumstances."""
    environment = {"PYTHONHASHSEED": "1", "TZ": "UTC0", "LC_ALL": "C.UTF-8"}
    return Circumstances("a/book", environment, jobs="2", umask=0o022, age=0)


def elsewhere() -> Circumstances:
    """Return circumstances that differ in everything that may differ."""
    environment = {
        "PYTHONHASHSEED": "4242",
        "TZ": "XYZ-12:34",  # 12 h 34 min east of Greenwich, without a database
        "LC_ALL": another_locale(),
        "CLOCK_SHIFT": str(1234.5 * DAY),
        "COLUMNS": "60",
    }
    folder = "somewhere else/where paths are longer/the same book"
    return Circumstances(folder, environment, jobs="1", umask=0o077, age=700 * DAY)


def attempts(root: Path) -> list[str]:
    """List the attempts of a build to use the network."""
    log = root.parent / "network.txt"
    return log.read_text(encoding="utf-8").splitlines() if log.exists() else []
