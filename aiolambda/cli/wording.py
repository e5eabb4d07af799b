"""The package's texts in the words of the command line: they name arguments of Python, and its users have options.

Law: a text that names no such argument stays as it is. Must not know when an error is raised.
"""

import json
import re
from collections.abc import Callable
from urllib.parse import unquote, urlsplit

from ..version import CHECKOUT, DISTRIBUTION

__all__ = ["in_options"]

_OPTIONS = {
    "ca_bundle": "--ca-bundle",
    "endpoint_url": "--endpoint-url",
    "profile": "--profile",
    "proxy": "--proxy",
    "region": "--region",
}
"""The settings that have an option in every command that connects."""
_NAMES = "|".join(_OPTIONS)


def _option(found: re.Match[str]) -> str:
    return _OPTIONS[found[1]]


_RULES: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    (
        re.compile(
            r"function_name is an ARN in (\S+), and the client's region is (\S+); LambdaClient\(use_arn_region=True\) "
            r"sends such a call to the region of the ARN"
        ),
        r"the function's ARN is in \1, and the region is \2: give --region \1",
    ),
    (re.compile(r"\bmax_failures= or max_failure_ratio="), "--max-failures or --max-failure-ratio"),
    (re.compile(r"^processes (?=must|cannot|needs)"), "--processes "),
    (
        re.compile(
            r"durable_execution_arn is in (\S+), and the client's region is (\S+); LambdaClient\(use_arn_region=True\) "
            r"sends such a request to the region of the ARN"
        ),
        r"the ARN of the execution is in \1, and the region is \2: give --region \1",
    ),
    (re.compile(r"(?<=, or )qualifier=\.\.\."), "--qualifier"),
    (re.compile(rf"LambdaClient\(({_NAMES})=\.\.\.\)"), _option),
    (re.compile(rf"\bargument ({_NAMES})\b"), _option),
    (re.compile(rf"\b({_NAMES})=(?=[\s,;:)]|$)"), _option),
    (re.compile(r", or give a session: LambdaClient\(credentials=\S+\(session\)\)"), ""),
    (
        re.compile(r"give a session that has the role's keys, \S+\.from_botocore\(session\), or use"),
        "set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN to the role's keys, or use",
    ),
)


def in_options(text: str) -> str:
    """The text with options in place of the arguments of `LambdaClient`, and with the folder that the package is from."""
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return text.replace(CHECKOUT, _checkout()) if CHECKOUT in text else text


def _checkout() -> str:
    """The folder that this package was installed from; the placeholder if it was not a folder, or is not known."""
    from importlib import metadata  # noqa: PLC0415 - slow to import, and few texts need it

    try:
        installed = metadata.distribution(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        return CHECKOUT
    origin = urlsplit(str(json.loads(installed.read_text("direct_url.json") or "{}").get("url", "")))
    path = unquote(origin.path)
    return CHECKOUT if origin.scheme != "file" or "'" in path or path.endswith((".whl", ".gz")) else path
