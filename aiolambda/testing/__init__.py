"""Test doubles for code that invokes functions: a transport that calls Python functions in place of Lambda.

Example: `LambdaClient(transport=FakeTransport({"price": lambda event: {"price": 3}}))`.
"""

from .fake_transport import FakeTransport, RecordedCall

__all__ = ["FakeTransport", "RecordedCall"]
