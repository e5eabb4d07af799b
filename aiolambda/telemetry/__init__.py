"""Telemetry: what a client does, told to observers of your own, or as traces and metrics of OpenTelemetry.

`client.observe(observer)` tells a `ClientObserver` each event. `instrument(client)` makes spans and metrics of them, and passes
the trace on to the function; it needs the extra `otel`. Importing this module does not load OpenTelemetry.
"""

from ..types import TYPE_CHECKING

if TYPE_CHECKING:
    from ..pipeline.observers import Observation
    from ..types.events import (
        AttemptEnded,
        AttemptSent,
        CallEnded,
        CallFacts,
        CallQueued,
        CallSlotted,
        CallStarted,
        ClientObserver,
        CredentialsRefreshed,
        MapEnded,
        MapFacts,
        MapStarted,
        Outcome,
        Retried,
        Throttled,
    )
    from .handle import Instrumentation
    from .instrumentation import instrument
    from .instrumentor import AiolambdaInstrumentor

__all__ = [
    "AiolambdaInstrumentor",
    "AttemptEnded",
    "AttemptSent",
    "CallEnded",
    "CallFacts",
    "CallQueued",
    "CallSlotted",
    "CallStarted",
    "ClientObserver",
    "CredentialsRefreshed",
    "Instrumentation",
    "MapEnded",
    "MapFacts",
    "MapStarted",
    "Observation",
    "Outcome",
    "Retried",
    "Throttled",
    "instrument",
]

if not TYPE_CHECKING:
    _MODULES = {
        "AiolambdaInstrumentor": ".instrumentor",
        "Instrumentation": ".handle",
        "Observation": "..pipeline.observers",
        "instrument": ".instrumentation",
    }
    """The modules of the names that are not events. Each is loaded on first use."""

    def __getattr__(name: str) -> object:
        from importlib import import_module  # noqa: PLC0415 - loaded on first use, too

        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = getattr(import_module(_MODULES.get(name, "..types.events"), __name__), name)
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
