"""Test doubles for code that invokes functions.

`FakeTransport` calls Python functions in place of Lambda. `serve_in_thread` serves them behind the API of Lambda, on a socket.
The steps of durable executions are in `aiolambda.testing.durable`, the fixtures for pytest in `aiolambda.testing.plugin`.
"""

from ..types import TYPE_CHECKING

__all__ = [
    "Execution",
    "FakeTransport",
    "FunctionFailure",
    "RecordedCall",
    "RecordedCallback",
    "RecordedDurableExecution",
    "RecordedOperation",
    "serve_in_thread",
]

if TYPE_CHECKING:
    from ..emulation.durable.recorded import RecordedCallback, RecordedDurableExecution
    from ..emulation.executions import Execution
    from ..emulation.function_failure import FunctionFailure
    from ..emulation.recorded_call import RecordedCall, RecordedOperation
    from .endpoint_thread import serve_in_thread
    from .fake_transport import FakeTransport
else:
    _MODULES = {  # loaded on first use, so that each run of pytest can load the plugin
        "Execution": "..emulation.executions",
        "FakeTransport": ".fake_transport",
        "FunctionFailure": "..emulation.function_failure",
        "RecordedCall": "..emulation.recorded_call",
        "RecordedCallback": "..emulation.durable.recorded",
        "RecordedDurableExecution": "..emulation.durable.recorded",
        "RecordedOperation": "..emulation.recorded_call",
        "serve_in_thread": ".endpoint_thread",
    }

    def __getattr__(name: str) -> object:
        from importlib import import_module  # noqa: PLC0415 - loaded on first use, too

        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = getattr(import_module(_MODULES[name], __name__), name)
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
