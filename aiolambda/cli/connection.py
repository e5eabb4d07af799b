"""The options that say where an invocation goes, and the client that they make.

Owns these options. Must not know what is invoked.
"""

import argparse
from typing import Any

from ..client import LambdaClient
from ..models import LONGEST_TIME, is_seconds

__all__ = ["add_connection_options", "client_of", "seconds"]


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
