"""`aiolambda doctor`: check whether invocations can work from here, and explain problems.

Laws: a failed check does not stop the others. No secret is printed, even if an error message contains one.

Owns the options, the order of the checks, and the output. Must not know how a check works.
"""

import argparse
import asyncio
import json
import os
from collections.abc import Iterable
from urllib.parse import unquote, urlsplit

import attrs

from ...config import LambdaClientConfig
from ...config.explain import Explained, as_table
from ...transport import connection_room
from ...types.values import Credentials, masked
from .. import exit_codes
from ..files import escape_controls
from ..options import add_connection_options, connection_settings, seconds
from . import (
    Check,
    check_concurrency,
    check_connection,
    check_credentials,
    check_endpoint_url,
    check_function,
    check_settings,
    check_versions,
    exit_code_of,
    find_settings,
)

__all__ = ["DESCRIPTION", "add_options", "run"]

DESCRIPTION = """\
Check settings, credentials, endpoint, concurrency, TLS, clock, keep-alive and versions. With --function, also check the
permission to invoke it. No function runs. Each check prints ok, warning or problem, and advice.
The exit code is 0 if invocations can work.
"""

_MIN_SECRET_LENGTH = 6
"""Characters. Shorter texts are not hidden, because they occur in other words."""
_SECRET_VARIABLES = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN")


def add_options(parser: argparse.ArgumentParser) -> None:
    add_connection_options(parser)
    parser.add_argument("--function", metavar="NAME", help="check the permission to invoke this function; it does not run")
    parser.add_argument("--qualifier", metavar="VERSION", help="version or alias of the function")
    parser.add_argument("--max-concurrency", type=int, metavar="N", help="check open files and memory for N calls in flight")
    parser.add_argument(
        "--timeout", type=seconds, default=10.0, metavar="SECONDS", help="time limit of each step (default: %(default)g)"
    )
    parser.add_argument("--json", action="store_true", help="print a JSON object")


def run(options: argparse.Namespace) -> int:
    """Run all checks and print the results. The exit code is 0 if invocations can work."""
    return asyncio.run(_run(options))


async def _run(options: argparse.Namespace) -> int:
    config = LambdaClientConfig(
        **connection_settings(options),
        max_concurrency=options.max_concurrency,
    )
    limit: float = options.timeout
    found = await find_settings(config, limit)
    credentials_check, credentials = await check_credentials(found, limit)
    checks = [check_versions(), check_settings(found), check_endpoint_url(found), credentials_check]
    checks.append(check_concurrency(found, connection_room()))
    checks += await check_connection(found, limit)
    checks.append(await check_function(config, options.function, options.qualifier, credentials, limit))
    settings, code = _with_credentials(found.explained, credentials_check), exit_code_of(checks)
    report = json.dumps(_as_json(checks, settings, code), indent=2) if options.json else _as_text(checks, settings, code)
    for secret, replacement in _replacements(found.findings.proxy.value, credentials).items():
        report = report.replace(secret, replacement).replace(json.dumps(secret)[1:-1], replacement)
    print(escape_controls(report), flush=True)
    return code


def _with_credentials(settings: Iterable[Explained], check: Check) -> list[Explained]:
    """Add the credentials to the settings: a client resolves them only when it opens."""
    if "source" not in check.facts:
        return list(settings)
    key, source = str(check.facts["access_key_id"]), str(check.facts["source"])
    return [attrs.evolve(row, value=key, source=source) if row.name == "credentials" else row for row in settings]


def _as_text(checks: Iterable[Check], settings: Iterable[Explained], code: int) -> str:
    lines: list[str] = []
    for check in checks:
        lines.append(f"{check.state:<9}{check.name:<13}{check.text}")
        if check.advice is not None:
            lines.append(f"{'':<22}{check.advice}")
    verdict = "invocations can work" if code == exit_codes.DONE else "no invocation can work until the problems are solved"
    return "\n".join([*lines, "", verdict, "", as_table(settings)])


def _as_json(checks: Iterable[Check], settings: Iterable[Explained], code: int) -> object:
    return {
        "could_work": code == exit_codes.DONE,
        "checks": [
            {"name": check.name, "state": check.state, "text": check.text, "advice": check.advice, "facts": dict(check.facts)}
            for check in checks
        ],
        "settings": [
            {"name": row.name, "value": row.value, "source": row.source, "set_by": list(row.names), "problem": row.problem}
            for row in settings
        ],
    }


def _replacements(proxy: str | None, credentials: Credentials | None) -> dict[str, str]:
    """The secrets, with their replacements. An error message of a library or server may contain one."""
    secrets = [os.environ.get(name) for name in _SECRET_VARIABLES]
    if proxy is not None:
        password = urlsplit(proxy).password
        secrets += [password, None if password is None else unquote(password)]
    replacements: dict[str, str] = {}
    if credentials is not None:
        secrets += [credentials.secret_access_key, credentials.session_token]
        replacements[credentials.access_key_id] = masked(credentials.access_key_id)
    replacements |= {secret: "..." for secret in secrets if secret is not None}
    return {secret: text for secret, text in replacements.items() if len(secret) >= _MIN_SECRET_LENGTH}
