"""For people who test code that invokes functions: a transport that calls plain functions instead of Lambda."""

from .fake_transport import FakeTransport, RecordedCall

__all__ = ["FakeTransport", "RecordedCall"]
