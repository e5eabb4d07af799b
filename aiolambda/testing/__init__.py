"""Test doubles for code that invokes functions: `FakeTransport` calls Python functions in place of Lambda."""

from ..emulation.executions import Execution
from ..emulation.function_failure import FunctionFailure
from .fake_transport import FakeTransport
from .recorded_call import RecordedCall

__all__ = ["Execution", "FakeTransport", "FunctionFailure", "RecordedCall"]
