"""The peers' own environments: one folder each, made when it is first asked for.

Owns which packages a peer needs and which interpreters there are. Must not know the measurements.
"""

import json
import os
import platform
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterable
from pathlib import Path

import attrs

ROOT = Path(__file__).resolve().parents[1]
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "aiolambda-benchmarks"
"""The default folder of the environments."""

OURS = "aiolambda"


@attrs.frozen
class Packages:
    """The packages of an environment, and the oldest Python for them."""

    names: tuple[str, ...]
    least: tuple[int, int] = (3, 11)


FETCH = "aiolambda-fetch"
"""This project's client again, with requests to a URL in place of invocations."""

HERE = {OURS, FETCH, "aiohttp", "aiohttp-tuned"}
"""These run in the environment of the command, so that all of them use the same aiohttp."""

PACKAGES = {
    "aiobotocore": Packages(("aiobotocore", "uvloop")),
    "boto3": Packages(("boto3",)),
    "aws-sdk-lambda": Packages(("aws-sdk-lambda", "uvloop"), (3, 12)),
    "capo-lambda": Packages(("capo-lambda", "uvloop")),
    "signers": Packages(("aiobotocore", "awscrt")),  # apart from the peers: botocore signs through awscrt if it finds it
}
NODE = "aws-sdk-js"
NODE_PACKAGES = ("@aws-sdk/client-lambda@3",)
OFFLINE_PACKAGES = ("osls@4", "serverless-offline@14")
EMULATOR_PACKAGE = "aws-sam-cli==1.170.0"
"""Its wheel contains the binary of AWS's Runtime Interface Emulator."""


class UnavailableError(Exception):
    """This machine cannot have that environment; the text says why."""


def pythons() -> Iterable[str]:
    yield sys.executable
    for minor in range(12, 20):
        if found := shutil.which(f"python3.{minor}"):
            yield found
    yield from map(str, sorted((Path.home() / ".pyenv" / "versions").glob("3.*/bin/python3")))


def python_of(least: tuple[int, int]) -> str:
    """A Python that runs and is new enough."""
    wanted = f"import sys; sys.exit(sys.version_info < {least})"
    for path in pythons():
        if subprocess.run([path, "-c", wanted], capture_output=True, check=False).returncode == 0:
            return path
    raise UnavailableError(f"no Python of {'.'.join(map(str, least))} or later was found")


def environment(name: str, folder: Path = CACHE) -> str:
    """The Python of an environment with this peer, made when it is not there."""
    if name in HERE:
        return sys.executable
    packages, home = PACKAGES[name], folder / name
    python = home / "bin" / "python"
    if not _is_made(home, packages.names):
        base = python_of(packages.least)
        shutil.rmtree(home, ignore_errors=True)
        _run(base, "-m", "venv", str(home))
        _run(str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", *packages.names)
        _mark(home, packages.names)
    return str(python)


def node_environment(folder: Path = CACHE, name: str = NODE, packages: tuple[str, ...] = NODE_PACKAGES) -> tuple[str, Path]:
    """The path of node, and the folder of the modules: by default, those that the JavaScript peer needs."""
    node, npm, home = shutil.which("node"), shutil.which("npm"), folder / name
    if node is None or npm is None:
        raise UnavailableError("node and npm are not both here")
    if not _is_made(home, packages):
        home.mkdir(parents=True, exist_ok=True)
        (home / "package.json").write_text('{"private": true}')
        _run(npm, "install", "--prefix", str(home), "--no-audit", "--no-fund", "--loglevel=error", *packages)
        _mark(home, packages)
    return node, home / "node_modules"


def offline_command(folder: Path = CACHE) -> tuple[list[str], Path]:
    """The command of the open fork of the Serverless Framework, and the folder of the modules with serverless-offline."""
    node, modules = node_environment(folder, "serverless-offline", OFFLINE_PACKAGES)
    return [node, str(modules / ".bin" / "osls")], modules


def emulator_binary(folder: Path = CACHE) -> str:
    """AWS's Runtime Interface Emulator: `AIOLAMBDA_RIE` names it, as for the tests, or it is taken out of its wheel."""
    if named := os.environ.get("AIOLAMBDA_RIE"):
        return named
    home, machine = folder / "rie", {"aarch64": "arm64"}.get(platform.machine(), platform.machine())
    binary = home / "aws-lambda-rie"
    if not _is_made(home, (EMULATOR_PACKAGE,)):
        home.mkdir(parents=True, exist_ok=True)
        _run(sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(home), EMULATOR_PACKAGE)
        wheel = next(home.glob("aws_sam_cli-*.whl"))
        with zipfile.ZipFile(wheel) as opened:
            binary.write_bytes(opened.read(f"samcli/local/rapid/aws-lambda-rie-{machine}"))
        binary.chmod(0o755)
        _mark(home, (EMULATOR_PACKAGE,))
    return str(binary)


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip() or f"exit code {done.returncode}").splitlines()
        raise UnavailableError(f"could not be installed: {said[-1]}")


def _is_made(home: Path, names: Iterable[str]) -> bool:
    mark = home / "installed.json"
    return mark.exists() and json.loads(mark.read_text()) == list(names)


def _mark(home: Path, names: Iterable[str]) -> None:
    """Say that all of it is there: an installation that was cut short is made again."""
    (home / "installed.json").write_text(json.dumps(list(names)))
