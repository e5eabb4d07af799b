"""`aiolambda doctor`: whether an invocation could work from here, and if not, why.

Laws: a check that fails stops no other; no secret is printed, wherever it may have got into a text.

Owns the options, the order of the checks, and how they are printed. Must not know how anything is checked.
"""

import argparse
import asyncio
import json
import os
from collections.abc import Iterable, Mapping
from urllib.parse import unquote, urlsplit

import attrs

from ...config import LambdaClientConfig
from ...config.explain import Explained, as_table
from ...types.values import Credentials, masked
from .. import exit_codes
from ..files import visible
from ..options import add_connection_options, seconds
from . import (
    Check,
    check_connection,
    check_credentials,
    check_endpoint,
    check_function,
    check_settings,
    check_versions,
    exit_code_of,
    look_at,
)

__all__ = ["DESCRIPTION", "HELP", "add_options", "run"]

HELP = "say whether an invocation could work from here, and if not, why"
DESCRIPTION = """\
Look at settings, credentials, endpoint, TLS, clock, sockets and versions; with --function, ask Lambda for the permission.
Nothing runs. Each line says ok, warning or problem, and what to do. Exit code 0: an invocation could work.
"""

_SHORTEST_SECRET = 6
"""Characters. What is shorter stands in every other word."""
_SECRET_VARIABLES = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN")


def add_options(parser: argparse.ArgumentParser) -> None:
    add_connection_options(parser)
    parser.add_argument("--function", metavar="NAME", help="ask whether this function may be invoked; it does not run")
    parser.add_argument("--qualifier", metavar="VERSION", help="a version or an alias of it")
    parser.add_argument(
        "--timeout", type=seconds, default=10.0, metavar="SECONDS", help="limit of each step (default: %(default)g)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object, for machines")


def run(options: argparse.Namespace) -> int:
    """Check everything, print what was found, and say with the exit code whether an invocation could work."""
    return asyncio.run(_examine(options))


async def _examine(options: argparse.Namespace) -> int:
    config = LambdaClientConfig(region=options.region, profile=options.profile, endpoint_url=options.endpoint_url)
    limit: float = options.timeout
    setup = await look_at(config, limit)
    of_credentials, credentials = await check_credentials(setup, limit)
    checks = [check_versions(), check_settings(setup), check_endpoint(setup), of_credentials]
    checks += await check_connection(setup, limit)
    checks.append(await check_function(config, options.function, options.qualifier, credentials, limit))
    settings, code = _with_keys(setup.explained, of_credentials), exit_code_of(checks)
    told = json.dumps(_as_json(checks, settings, code), indent=2) if options.json else _as_text(checks, settings, code)
    print(visible(_hide(told, _secrets(setup.findings.proxy.value, credentials))), flush=True)
    return code


def _with_keys(settings: Iterable[Explained], found: Check) -> list[Explained]:
    """The settings with the credentials that were found, for which a client looks only when it opens."""
    if "source" not in found.facts:
        return list(settings)
    key, source = str(found.facts["access_key_id"]), str(found.facts["source"])
    return [attrs.evolve(row, value=key, source=source) if row.name == "credentials" else row for row in settings]


def _as_text(checks: Iterable[Check], settings: Iterable[Explained], code: int) -> str:
    lines: list[str] = []
    for check in checks:
        lines.append(f"{check.state:<9}{check.name:<13}{check.text}")
        if check.advice is not None:
            lines.append(f"{'':<22}{check.advice}")
    verdict = "an invocation could work" if code == exit_codes.DONE else "no invocation can work until the problems are solved"
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


def _secrets(proxy: str | None, credentials: Credentials | None) -> dict[str, str]:
    """What must not be shown, and what stands in its place."""
    found = [os.environ.get(name) for name in _SECRET_VARIABLES]
    if proxy is not None:
        password = urlsplit(proxy).password
        found += [password, None if password is None else unquote(password)]
    hidden: dict[str, str] = {}
    if credentials is not None:
        found += [credentials.secret_access_key, credentials.session_token]
        hidden[credentials.access_key_id] = masked(credentials.access_key_id)
    hidden |= {text: "..." for text in found if text is not None}
    return {text: shown for text, shown in hidden.items() if len(text) >= _SHORTEST_SECRET}


def _hide(text: str, hidden: Mapping[str, str]) -> str:
    """The same without the secrets: an error of somebody else's may have quoted one."""
    for secret, shown in hidden.items():
        text = text.replace(secret, shown).replace(json.dumps(secret)[1:-1], shown)
    return text
