"""The front door: a client, its life, its calls in flight and its maps."""

from .client import LambdaClient

__all__ = ["LambdaClient"]
