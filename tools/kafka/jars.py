"""Kafka's jars, brought by Maven into a cache outside the repository."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

POM = Path(__file__).with_name("pom.xml")


class BrokerUnavailable(RuntimeError):
    """The broker can't be run here; the message says why and what to do."""


def require(*programs: str) -> None:
    """Raise BrokerUnavailable unless each of `programs` is on the PATH."""
    packages = {"java": "openjdk-17-jre-headless", "mvn": "maven"}
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        names, install = " and ".join(missing), " ".join(packages[program] for program in missing)
        raise BrokerUnavailable(
            f"the Kafka broker needs {names}, which isn't on the PATH; on Debian: apt-get install {install}"
        )


def version() -> str:
    """Kafka's version, as the pom says."""
    return ET.parse(POM).getroot().findtext(".//{*}dependency[{*}artifactId='kafka_2.13']/{*}version") or "unknown"


def jars() -> Path:
    """The folder with the broker's jars, fetched the first time; safe to call from many processes at once."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    # The digest: a changed pom must not meet the jars of the one before.
    home = cache / "everfresh" / f"kafka-{version()}" / hashlib.sha256(POM.read_bytes()).hexdigest()[:12]
    if home.is_dir():
        return home
    home.parent.mkdir(parents=True, exist_ok=True)
    with _alone(home.parent / ".lock"):
        if not home.is_dir():  # another process may have fetched them while this one waited
            _fetch(home)
    return home


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)  # released by the kernel even if we are killed
        yield


def _fetch(home: Path) -> None:
    require("mvn")
    with tempfile.TemporaryDirectory(dir=home.parent, prefix=".fetching-") as folder:
        arrived = Path(folder) / "jars"
        command = ["mvn", "-q", "-B", "-f", str(POM), "dependency:copy-dependencies"]
        command += ["-DincludeScope=runtime", f"-DoutputDirectory={arrived}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise BrokerUnavailable(
                f"Maven could not fetch Kafka {version()}: {done.stdout.strip()[-2000:]}\n"
                f"run it by hand to see more: {' '.join(command)}"
            )
        arrived.rename(home)  # atomic: the folder is there with all of its jars, or not at all
