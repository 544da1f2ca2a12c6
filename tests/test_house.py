"""What somebody finds who clones or installs everfresh: targets, packages, the composition."""

import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from tools.kafka.broker import COMMON_SETTINGS, read_properties
from tools.kafka.jars import version

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("everfresh", "streams", "reactors", "sinks")
TARGETS = {"demo", "test", "test-long", "check", "bench", "faults", "simulate", "lock", "help"}
ROLES = {"ingress", "reactor", "worker", "sinks", "gateway"}

# Where a broker listens and keeps its data differs from one place to the next; how it behaves must not.
BROKERS_OWN = {
    "node.id",
    "process.roles",
    "controller.quorum.voters",
    "listeners",
    "advertised.listeners",
    "listener.security.protocol.map",
    "controller.listener.names",
    "inter.broker.listener.name",
    "log.dirs",
}


def composition() -> dict[str, Any]:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    assert isinstance(services, dict)
    return services


def run(*command: str | Path, cwd: Path = ROOT) -> str:
    done = subprocess.run([str(word) for word in command], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_make_lists_every_target_that_is_promised() -> None:
    listed = {line.split()[0] for line in run("make", "--no-print-directory", "help").splitlines()}
    assert listed >= TARGETS


@pytest.mark.parametrize("target", sorted(TARGETS))
def test_every_target_can_be_made(target: str) -> None:
    run("make", "--dry-run", target)


def test_the_demo_is_told_what_make_is_told() -> None:
    (told,) = re.findall(
        r"-m examples\.nycflights.*", run("make", "-n", "demo", "LOG=kafka", "JSON=figures.json", "TAMPER=1")
    )
    assert told.split()[2:] == ["--log", "kafka", "--json", "figures.json", "--tamper"]


def test_ci_checks_and_tests() -> None:
    script = (ROOT / ".ci" / "run").read_text()
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111
    assert {"set -euo pipefail", "make check", "make test"} <= set(script.splitlines())


def test_the_composed_broker_behaves_like_the_one_in_the_tests() -> None:
    composed = {
        name.removeprefix("KAFKA_").lower().replace("_", "."): value
        for name, value in composition()["kafka"]["environment"].items()
    }
    behaviour = {name: value for name, value in composed.items() if name not in BROKERS_OWN}
    assert behaviour == read_properties(COMMON_SETTINGS)


def test_the_composed_broker_has_the_version_of_the_one_in_the_tests() -> None:
    assert composition()["kafka"]["image"] == f"apache/kafka:{version()}"


def test_every_role_is_composed_on_the_same_log() -> None:
    services = composition()
    ours = {name: service for name, service in services.items() if service.get("build") == "."}
    assert {name.partition("-")[0] for name in ours} == ROLES
    for name, service in ours.items():
        assert service["command"][:4] == ["start", name.partition("-")[0], "--log", "kafka://kafka:9092"]
        assert service["depends_on"]["kafka"]["condition"] == "service_healthy"
    assert set(services) - set(ours) == {"kafka", "postgres", "prometheus", "alertmanager", "grafana"}


def test_what_the_composition_mounts_from_here_is_here() -> None:
    mounted = [volume.split(":")[0] for service in composition().values() for volume in service.get("volumes", [])]
    here = [path for path in mounted if path.startswith("./")]
    assert here
    assert [path for path in here if not (ROOT / path).exists()] == []


def test_nothing_composed_is_published_beyond_this_machine() -> None:
    ports = [port for service in composition().values() for port in service.get("ports", [])]
    assert ports
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist and the wheel that was built from that sdist."""
    out = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", out)
    return out


def test_the_wheel_ships_the_four_packages_typed_and_nothing_else(built: Path) -> None:
    (wheel,) = built.glob("everfresh-*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {f"{package}/py.typed" for package in PACKAGES} <= set(names)
    monitoring = ("everfresh.rules.yml", "everfresh-dashboard.json")
    assert {f"everfresh/monitoring/{name}" for name in monitoring} <= set(names)
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == set(PACKAGES)


def test_the_sdist_ships_what_the_wheel_needs_and_the_licence(built: Path) -> None:
    (sdist,) = built.glob("everfresh-*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"LICENSE", "README.md", "pyproject.toml", *(f"{package}/py.typed" for package in PACKAGES)} <= names
    assert [name for name in names if name.startswith(("tests/", ".venv/"))] == []


@pytest.mark.parametrize("kind", ["*.whl", "*.tar.gz"])
def test_wheel_and_sdist_install_into_an_empty_environment(built: Path, tmp_path: Path, kind: str) -> None:
    (package,) = built.glob(kind)
    uv = Path(sys.executable).with_name("uv")
    python = tmp_path / "bin" / "python"
    run(sys.executable, "-m", "venv", "--without-pip", tmp_path)
    if kind == "*.tar.gz":  # building it takes hatchling; that may not be fetched here, so it is lent
        lent = run(
            sys.executable, "-c", "import hatchling, pathlib; print(pathlib.Path(hatchling.__file__).parents[1])"
        )
        site = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
        (Path(site) / "lent.pth").write_text(lent)
    run(uv, "pip", "install", "--python", python, "--no-deps", "--no-index", "--no-build-isolation", package)
    # Found, not imported: what they import isn't there.
    find = "import importlib.util as u, sys; print(*(u.find_spec(name).origin for name in sys.argv[1:]), sep='\\n')"
    there = run(python, "-I", "-c", find, *PACKAGES, cwd=tmp_path).split()
    assert [Path(origin).is_relative_to(tmp_path) for origin in there] == [True] * len(PACKAGES)
    assert (tmp_path / "bin" / "everfresh").is_file()


def test_installed_with_its_locked_dependencies_the_command_runs(built: Path, tmp_path: Path) -> None:
    (wheel,) = built.glob("*.whl")
    uv, python = Path(sys.executable).with_name("uv"), tmp_path / "bin" / "python"
    run(sys.executable, "-m", "venv", "--without-pip", tmp_path)
    run(uv, "pip", "install", "--python", python, "--require-hashes", "-r", ROOT / "requirements" / "runtime.txt")
    run(uv, "pip", "install", "--python", python, "--no-deps", "--no-index", wheel)
    assert "Usage" in run(tmp_path / "bin" / "everfresh", "--help", cwd=tmp_path)
