"""Options that several commands share: connection, logging and colour, and the types of values.

An argument that is not valid UTF-8 is a usage error, except for file names, which may be any bytes. Must not know the
commands.
"""

import argparse
from typing import Any

from ..errors import ConfigurationError
from ..types.values import HEDGE_PERCENTILES, LONGEST_TIME, Timeouts, is_seconds
from ..version import DISTRIBUTION, install_line
from .parser import Parser, text

__all__ = [
    "Parser",
    "add_connect_timeout",
    "add_connection_options",
    "add_general_options",
    "add_timeout",
    "check_hedge",
    "connection_settings",
    "file_name",
    "hedge_seconds",
    "hedge_time",
    "missing_extra",
    "seconds",
    "text",
    "whole_above_zero",
]


def file_name(value: str) -> str:
    """Accept the value unchanged, because a file name may be any bytes."""
    return value


def add_connection_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("connection")
    group.add_argument("--region", help="AWS region; overrides AWS_REGION and the profile")
    group.add_argument("--profile", help="profile of the AWS config and credentials files; overrides AWS_PROFILE")
    group.add_argument("--endpoint-url", metavar="URL", help="endpoint; overrides AWS_ENDPOINT_URL_LAMBDA and the default")
    group.add_argument("--proxy", metavar="URL", help="HTTP proxy, http://[USER:PASSWORD@]HOST:PORT; overrides HTTPS_PROXY")
    group.add_argument(
        "--ca-bundle", type=file_name, metavar="FILE", help="PEM file of trusted certificates; overrides AWS_CA_BUNDLE"
    )


def add_timeout(parser: argparse.ArgumentParser, help: str) -> None:
    parser.add_argument("--timeout", type=seconds, metavar="SECONDS", help=help)


def add_connect_timeout(parser: argparse.ArgumentParser) -> None:
    """For `clients.make_client`."""
    parser.add_argument(
        "--connect-timeout",
        type=seconds,
        default=Timeouts().connect,
        metavar="SECONDS",
        help="time limit for opening a connection; it is tried three times (default: %(default)g)",
    )


def add_general_options(parser: Parser) -> None:
    group = parser.add_argument_group("messages")
    group.add_argument(
        "-v", "--verbose", action="store_true", help="log each invocation to stderr: outcome, request id, attempts"
    )
    if not parser.has_option("--debug"):  # a command may have one that does more
        group.add_argument("--debug", action="store_true", help="also log libraries, and print the traceback of an error")
    group.add_argument(
        "--color", choices=("auto", "always", "never"), default="auto", help="colours in messages (default: auto)"
    )


def connection_settings(options: argparse.Namespace) -> dict[str, Any]:
    """The settings of a client, or of its config, from the connection options."""
    return {name: getattr(options, name) for name in ("region", "profile", "endpoint_url", "proxy", "ca_bundle")}


def missing_extra(purpose: str, package: str, *, extra: str = "cli") -> ConfigurationError:
    """The error for a package of an extra that is not installed."""
    line = install_line(extra)
    return ConfigurationError(f"{purpose} needs {package}: install {DISTRIBUTION} with its extra {extra!r} ({line})")


def seconds(text: str) -> float:
    """Parse a number of seconds."""
    number = float(text)
    if not is_seconds(number, above_zero=True):
        raise argparse.ArgumentTypeError(f"{text} is not a number of seconds above 0 and at most {LONGEST_TIME:,}")
    return number


def hedge_time(text: str) -> float | str:
    """Parse the time after which a call is hedged: a percentile, or a number of seconds."""
    if text in HEDGE_PERCENTILES:
        return text
    try:
        return seconds(text)
    except ValueError:
        choices = ", ".join(HEDGE_PERCENTILES)
        raise argparse.ArgumentTypeError(f"{text!r} is neither a number of seconds nor one of {choices}") from None


def hedge_seconds(text: str) -> float:
    """Parse the time after which a single call is hedged. A percentile would need the answers of others."""
    if text in HEDGE_PERCENTILES:
        raise argparse.ArgumentTypeError(f"{text} is for maps: one call knows no percentile, so give a number of seconds")
    try:
        return seconds(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds") from None


def check_hedge(options: argparse.Namespace, *, without_answer: str | None) -> None:
    """`ConfigurationError` for `--hedge-after` without `--idempotent`, or with an option that makes calls without an answer."""
    if options.hedge_after is None:
        return
    if not options.idempotent:
        raise ConfigurationError("--hedge-after needs --idempotent: a function that is called a second time may run twice")
    if without_answer is not None:
        raise ConfigurationError(f"--hedge-after cannot be used with {without_answer}: there is no answer to wait for")


def whole_above_zero(text: str) -> int:
    """Parse a whole number from 1 on."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)
