"""The options that several commands share, the types of their values, and the client that they make.

An argument that is not UTF-8 is a usage error, whatever the option; a file name may be any bytes. Must not know what is
invoked.
"""

import argparse
from typing import Any

from ..client.client import LambdaClient
from ..types.values import LONGEST_TIME, is_seconds

__all__ = ["Parser", "add_connection_options", "client_of", "file_name", "seconds", "text"]


class Parser(argparse.ArgumentParser):
    """A parser whose options take `text`, unless they say otherwise."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.register("type", None, text)


def text(value: str) -> str:
    """The value, if it is text. Python hands bytes that are not UTF-8 to a program as lone surrogates."""
    try:
        value.encode()
    except UnicodeEncodeError:
        raise argparse.ArgumentTypeError("the value holds bytes that are not UTF-8") from None
    return value


def file_name(value: str) -> str:
    """The value: the name of a file may be any bytes."""
    return value


def add_connection_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--region", help="in place of AWS_REGION or the profile's")
    parser.add_argument("--profile", help="a profile of the AWS configuration files")
    parser.add_argument("--endpoint-url", metavar="URL", help="in place of AWS_ENDPOINT_URL_LAMBDA or Lambda's own")


def client_of(options: argparse.Namespace, **settings: Any) -> LambdaClient:
    """The client that the options ask for."""
    return LambdaClient(
        region=options.region,
        profile=options.profile,
        endpoint_url=options.endpoint_url,
        timeout=options.timeout,
        **settings,
    )


def seconds(text: str) -> float:
    """A number of seconds, as an option has it."""
    number = float(text)
    if not is_seconds(number, above_zero=True):
        raise argparse.ArgumentTypeError(f"{text} is not a number of seconds above 0, and at most {LONGEST_TIME:,}")
    return number
