"""`aiolambda doctor`: check whether invocations can work from here, and explain problems.

Laws: a failed check does not stop the others. No secret is printed, even if an error message contains one.

Owns the options, the order of the checks, and the output. Must not know how a check works.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterable, Mapping
from urllib.parse import unquote, urlsplit

import attrs

from ...config import LambdaClientConfig
from ...config.explain import Explained
from ...transport import connection_room
from ...types.values import Credentials, masked
from .. import exit_codes
from ..files import escape_controls
from ..interrupts import run_in_loop
from ..options import add_connection_options, connection_settings, seconds
from ..wording import in_options
from . import (
    Check,
    check_concurrency,
    check_connection,
    check_credentials,
    check_endpoint_url,
    check_function,
    check_settings,
    check_versions,
    checks_of_function,
    exit_code_of,
    find_settings,
    installed_versions,
)
from .report import as_text, with_colours

__all__ = ["DESCRIPTION", "add_options", "run", "with_credentials"]

DESCRIPTION = """\
Check settings, credentials, endpoint, concurrency, TLS, clock, keep-alive and versions. With --function, also check the
permission to invoke it, its state and its limits. No function runs. Problems come first, with their remedy, and the verdict
is last. The exit code is 0 if invocations can work.
"""

_MIN_SECRET_LENGTH = 6
"""Characters. Shorter texts are not hidden, because they occur in other words."""
_SECRET_VARIABLES = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN")


def add_options(parser: argparse.ArgumentParser) -> None:
    add_connection_options(parser)
    parser.add_argument("--function", metavar="NAME", help="check this function: permission, state, limits; it does not run")
    parser.add_argument("--qualifier", metavar="VERSION", help="version or alias of the function")
    parser.add_argument("--max-concurrency", type=int, metavar="N", help="check open files and memory for N calls in flight")
    parser.add_argument(
        "--timeout", type=seconds, default=10.0, metavar="SECONDS", help="time limit of each step (default: %(default)g)"
    )
    parser.add_argument("--all", action="store_true", help="show every setting, with everything that can set it")
    parser.add_argument("--json", action="store_true", help="print a JSON object")


def run(options: argparse.Namespace) -> int:
    """Run all checks and print the results. The exit code is 0 if invocations can work."""
    return run_in_loop(_run(options))


async def _run(options: argparse.Namespace) -> int:
    config = LambdaClientConfig(
        **connection_settings(options),
        max_concurrency=options.max_concurrency,
    )
    limit: float = options.timeout
    found = await find_settings(config, limit)
    credentials_check, credentials = await check_credentials(found, limit)
    checks = [check_versions(installed_versions()), check_settings(found), check_endpoint_url(found), credentials_check]
    checks.append(check_concurrency(found, connection_room()))
    checks += await check_connection(found, limit)
    checks.append(await check_function(found, options.function, options.qualifier, credentials, limit))
    if credentials is not None and checks[-1].state in ("ok", "warning"):
        checks += await checks_of_function(found, options.function, options.qualifier, credentials, limit)
    settings, code = with_credentials(found.explained, credentials_check), exit_code_of(checks)
    hidden = _replacements(found.findings.proxy.value, credentials)
    # Hidden and escaped before lines are wrapped, which may cut a secret.
    checks, settings = [_safe_check(check, hidden) for check in checks], [_safe_setting(row, hidden) for row in settings]
    if options.json:
        report = json.dumps(_as_json(checks, settings, code), indent=2)
        print(escape_controls(_without(hidden, report, as_json=True)), flush=True)
    else:
        text = as_text(checks, settings, shows_all=options.all, stream=sys.stdout)
        print(with_colours(text, sys.stdout), flush=True)
    return code


def _safe_check(check: Check, hidden: Mapping[str, str]) -> Check:
    advice = None if check.advice is None else _safe(in_options(check.advice), hidden)
    return attrs.evolve(check, text=_safe(in_options(check.text), hidden), advice=advice)


def _safe_setting(row: Explained, hidden: Mapping[str, str]) -> Explained:
    problem = None if row.problem is None else _safe(in_options(row.problem), hidden)
    source, names = _safe(in_options(row.source), hidden), tuple(map(in_options, row.names))
    return attrs.evolve(row, value=_safe(row.value, hidden), source=source, names=names, problem=problem)


def _safe(text: str, hidden: Mapping[str, str]) -> str:
    """The text without secrets and control characters."""
    return escape_controls(_without(hidden, text))


def _without(hidden: Mapping[str, str], text: str, *, as_json: bool = False) -> str:
    for secret, replacement in hidden.items():
        text = text.replace(secret, replacement)
        if as_json:
            text = text.replace(json.dumps(secret)[1:-1], replacement)
    return text


def with_credentials(settings: Iterable[Explained], check: Check) -> list[Explained]:
    """Add the credentials to the settings: a client resolves them only when it opens."""
    if "source" not in check.facts:
        return list(settings)
    key, source = str(check.facts["access_key_id"]), str(check.facts["source"])
    return [
        attrs.evolve(row, value=key, source=source, is_default=False) if row.name == "credentials" else row for row in settings
    ]


def _as_json(checks: Iterable[Check], settings: Iterable[Explained], code: int) -> object:
    return {
        "could_work": code == exit_codes.DONE,
        "checks": [
            {"name": check.name, "state": check.state, "text": check.text, "advice": check.advice, "facts": dict(check.facts)}
            for check in checks
        ],
        "settings": [
            {
                "name": row.name,
                "value": row.value,
                "source": row.source,
                "set_by": list(row.names),
                "problem": row.problem,
                "default": row.is_default,
            }
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
