"""The client of a command, from its options. Only commands that invoke something load this module, with the whole client."""

import argparse
from typing import Any

from ..client.client import LambdaClient
from ..types.values import Timeouts
from .options import connection_settings

__all__ = ["make_client"]


def make_client(options: argparse.Namespace, **settings: Any) -> LambdaClient:
    """Make the client for these options."""
    limits = Timeouts(total=options.timeout, connect=options.connect_timeout)
    return LambdaClient(**connection_settings(options), timeout=limits, **settings)
