"""Options that several commands share: the connection options, the types of values, and the client made from them.

An argument that is not valid UTF-8 is a usage error, except for file names, which may be any bytes. Must not know the
commands.
"""

import argparse
from typing import Any

from ..client.client import LambdaClient
from ..types.values import LONGEST_TIME, is_seconds

__all__ = ["Parser", "add_connection_options", "file_name", "make_client", "seconds", "text"]


class Parser(argparse.ArgumentParser):
    """A parser whose options have the type `text` by default."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.register("type", None, text)


def text(value: str) -> str:
    """Check that the value is text. Python represents bytes that are not UTF-8 as lone surrogates."""
    try:
        value.encode()
    except UnicodeEncodeError:
        raise argparse.ArgumentTypeError("the value contains bytes that are not UTF-8") from None
    return value


def file_name(value: str) -> str:
    """Accept the value unchanged, because a file name may be any bytes."""
    return value


def add_connection_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--region", help="the AWS region; overrides AWS_REGION and the profile")
    parser.add_argument("--profile", help="a profile of the AWS config and credentials files")
    parser.add_argument("--endpoint-url", metavar="URL", help="the endpoint; overrides AWS_ENDPOINT_URL_LAMBDA and the default")


def make_client(options: argparse.Namespace, **settings: Any) -> LambdaClient:
    """Make the client for these options."""
    return LambdaClient(
        region=options.region,
        profile=options.profile,
        endpoint_url=options.endpoint_url,
        timeout=options.timeout,
        **settings,
    )


def seconds(text: str) -> float:
    """Parse a number of seconds."""
    number = float(text)
    if not is_seconds(number, above_zero=True):
        raise argparse.ArgumentTypeError(f"{text} is not a number of seconds above 0 and at most {LONGEST_TIME:,}")
    return number
