"""Test doubles for code that invokes functions: `FakeTransport` calls Python functions in place of Lambda."""

from .fake_transport import FakeTransport, RecordedCall

__all__ = ["FakeTransport", "RecordedCall"]
