"""`credential_process`: keys that a program of the user's prints, without botocore and without a shell.

Owns the run of the program and the shape of its answer. Blocks: call it in a thread. No error shows what the program printed
on its standard output, because it may hold keys. Source: "Process credential provider" in the guide of the AWS SDKs.
"""

import datetime as dt
import json
import os
import shlex
import subprocess
from typing import Any, cast

from ...errors import ConfigurationError
from ...types.values import Credentials
from .failures import one_line
from .static import checked_static

__all__ = ["process_credentials"]

_LONGEST_RUN = 60.0
"""Seconds. A program that waits for a person at a browser has that long."""
_FORM = "it must print one JSON object with Version (1), AccessKeyId, SecretAccessKey, and for a session SessionToken"


def process_credentials(command: str, where: str, *, limit: float = _LONGEST_RUN) -> Credentials:
    """The keys that the command prints. `where` names the profile in errors.

    `ConfigurationError` if it cannot be started, fails, runs longer than `limit` seconds, or prints no keys.
    """
    words = _split(command, where)
    action = f"credential_process of {where}: {one_line(words[0], 100)!r}"  # its arguments may hold a secret
    try:
        done = subprocess.run(  # noqa: S603 - the user's own configuration names it
            command if os.name == "nt" else words, capture_output=True, check=False, timeout=limit
        )
    except subprocess.TimeoutExpired:
        raise ConfigurationError(
            f"{action} did not end within {limit:g} s: run it in a terminal to see what it waits for"
        ) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "its name or an argument has a zero byte"
        raise ConfigurationError(f"{action} could not be started: {reason}: correct its path") from None
    if done.returncode != 0:
        said = one_line(done.stderr.decode("utf-8", "replace"))
        ended = f"was ended by signal {-done.returncode}" if done.returncode < 0 else f"ended with exit code {done.returncode}"
        raise ConfigurationError(f"{action} {ended}{f': {said}' if said else ', and said nothing on stderr'}")
    return _keys(done.stdout, action)


def _split(command: str, where: str) -> list[str]:
    try:
        words = shlex.split(command)
    except ValueError:
        raise ConfigurationError(f"credential_process of {where} has a quotation without an end") from None
    if not words:
        raise ConfigurationError(f"credential_process of {where} is empty: name a program, or remove the line")
    return words


def _keys(printed: bytes, action: str) -> Credentials:
    try:
        answer = json.loads(printed)
    except ValueError:
        what = "nothing" if not printed.strip() else "no JSON"
        raise ConfigurationError(f"{action} printed {what}: {_FORM}") from None
    if not isinstance(answer, dict):
        raise ConfigurationError(f"{action} printed JSON that is not an object: {_FORM}")
    found = cast("dict[str, Any]", answer)
    if found.get("Version") != 1:
        said = found.get("Version", "none")
        shown = said if isinstance(said, int) or said == "none" else "another value"
        raise ConfigurationError(f'{action} printed JSON with the wrong Version ({shown}): it must be "Version": 1')
    missing = [name for name in ("AccessKeyId", "SecretAccessKey") if not isinstance(found.get(name), str) or not found[name]]
    if missing:
        raise ConfigurationError(f"{action} printed JSON without {' and '.join(missing)}: {_FORM}")
    token, expires_at = found.get("SessionToken"), _expiry(found.get("Expiration"), action)
    keys = Credentials(found["AccessKeyId"], found["SecretAccessKey"], str(token) if token else None, expires_at=expires_at)
    return checked_static(keys, action).credentials


def _expiry(text: object, action: str) -> dt.datetime | None:
    if text is None:
        return None
    try:
        expires_at = dt.datetime.fromisoformat(str(text))
    except ValueError:
        raise ConfigurationError(f"{action} printed an Expiration that is not a time in ISO 8601") from None
    if expires_at.tzinfo is None:
        expires_at = expires_at.replace(tzinfo=dt.UTC)
    if expires_at <= dt.datetime.now(dt.UTC):
        raise ConfigurationError(
            f"{action} printed keys that expired at {expires_at:%Y-%m-%d %H:%M:%S %Z}: renew its login, or correct the clock "
            "of this machine"
        )
    return expires_at
