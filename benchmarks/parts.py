"""The rows of parts that need no server: streams, signing, the middleware stack, telemetry. Each is a script of its own.

Owns the environment of each script, and the figures made of its output. Must not know the measurement.
"""

import json
import subprocess
import sys
from typing import Any

from benchmarks.environments import ROOT, UnavailableError, environment
from benchmarks.figures import Figure
from benchmarks.processes import FOLDER, clean_environment
from benchmarks.rows import Run


async def stream(run: Run) -> list[Figure]:
    """Decoding of event-stream frames, by the size of an event."""
    return _figures(run, "eventstream", "aiobotocore", "decoding of streams, by the size of an event")


async def signing(run: Run) -> list[Figure]:
    """Signing a request."""
    return _figures(run, "signing", "signers", "signing a request")


async def middlewares(run: Run) -> list[Figure]:
    """The middleware stack, over a transport that answers at once."""
    return _figures(run, "middlewares", None, "the middleware stack, over a transport that answers at once")


async def telemetry(run: Run) -> list[Figure]:
    """OpenTelemetry, beside the same written by hand."""
    return _figures(run, "telemetry", None, "OpenTelemetry, over a transport that answers at once")


def _figures(run: Run, script: str, env: str | None, section: str) -> list[Figure]:
    """The cases that a script prints: `[{"case", "unit", "values": {name: [a value for each round]}}]`."""
    try:
        python = environment(env, run.folder) if env else sys.executable
        return [Figure(section=section, **found) for found in _said(python, script, run.rounds)]
    except UnavailableError as error:
        run.note(f"{section}: left out: {error}")
        return []


def _said(python: str, script: str, rounds: int) -> Any:
    command = [python, str(FOLDER / f"{script}.py"), "--rounds", str(rounds), "--json"]
    done = subprocess.run(
        command, env=clean_environment(PYTHONPATH=str(ROOT)), capture_output=True, text=True, check=False, timeout=300
    )
    if done.returncode:
        raise UnavailableError(f"{script}.py failed: {(done.stderr.strip() or done.stdout.strip()).splitlines()[-1]}")
    return json.loads(done.stdout)
