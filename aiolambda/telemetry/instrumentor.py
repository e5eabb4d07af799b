"""`AiolambdaInstrumentor`: instruments every client of the process, those that exist and those that are built later.

Owns this switch, which `opentelemetry-instrument` finds by its entry point. Must not need that package.
"""

import logging
from collections.abc import Callable, Collection, Iterable
from typing import TYPE_CHECKING, Literal, Self

from ..client import registry
from ..types.loggers import PACKAGE, log_quietly
from .handle import automatic_instrumentations, instrumentation_of
from .settings import Settings

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

    from ..client.client import LambdaClient

__all__ = ["AiolambdaInstrumentor"]


class AiolambdaInstrumentor:
    """Instruments every client of this process. There is one such object: each `AiolambdaInstrumentor()` returns it.

    ::

        from aiolambda.telemetry import AiolambdaInstrumentor

        AiolambdaInstrumentor().instrument(function_names=False)
        ...
        AiolambdaInstrumentor().uninstrument()

    The command `opentelemetry-instrument` does the same. A client that the program instruments itself, with `instrument`, keeps
    the settings of the program.
    """

    _only: "Self | None" = None
    _stop: Callable[[], None] | None = None

    def __new__(cls) -> Self:
        """The one object of this class."""
        if cls._only is None:
            cls._only = super().__new__(cls)
        return cls._only

    @property
    def is_instrumented_by_opentelemetry(self) -> bool:
        """Whether clients are instrumented now. The name is that of OpenTelemetry's own instrumentors."""
        return self._stop is not None

    def instrumentation_dependencies(self) -> Collection[str]:
        """The packages that must be installed: none."""
        return ()

    def instrument(
        self,
        *,
        tracer_provider: "TracerProvider | None" = None,
        meter_provider: "MeterProvider | None" = None,
        attempts: bool = False,
        function_names: bool = True,
        w3c_in_client_context: bool = False,
        baggage_entries: Iterable[str] = (),
        map_items: Literal["none", "links", "children"] = "none",
        skip_dep_check: bool = False,
        raise_exception_on_conflict: bool = False,
    ) -> None:
        """Instrument every client, with these settings. `aiolambda.telemetry.instrument` explains them.

        Args:
            tracer_provider: Makes the spans. Default: the global provider.
            meter_provider: Makes the metrics. Default: the global provider.
            attempts: `True` adds a span and a metric for each HTTP request. Default `False`.
            function_names: `False` leaves the function's name out of metrics. Default `True`.
            w3c_in_client_context: `True` adds `traceparent` and `tracestate` to the client context. Default `False`.
            baggage_entries: The names of the baggage entries to add there as well. Default: none.
            map_items: Spans for the items of a map: `"none"` (the default), `"links"` or `"children"`.
            skip_dep_check: For `opentelemetry-instrument`. It has no effect.
            raise_exception_on_conflict: For `opentelemetry-instrument`. It has no effect.

        Raises:
            ConfigurationError: OpenTelemetry is not installed, or an argument is wrong.
        """
        if self._stop is not None:
            log_quietly(
                PACKAGE,
                logging.WARNING,
                "AiolambdaInstrumentor().instrument() was called again: it has no effect before uninstrument()",
            )
            return
        settings = Settings(
            tracer_provider=tracer_provider,
            meter_provider=meter_provider,
            attempts=attempts,
            function_names=function_names,
            w3c_in_client_context=w3c_in_client_context,
            baggage_entries=baggage_entries,
            map_items=map_items,
        )

        def instrument_client(client: "LambdaClient") -> None:
            if instrumentation_of(client) is None:
                settings.apply(client, is_automatic=True)

        self._stop = registry.for_each(instrument_client)

    def uninstrument(self) -> None:
        """End it for every client, but for those that their program has instrumented."""
        if self._stop is None:
            log_quietly(
                PACKAGE,
                logging.WARNING,
                "AiolambdaInstrumentor().uninstrument() was called before instrument(): it has no effect",
            )
            return
        self._stop()
        self._stop = None
        for instrumentation in automatic_instrumentations():
            instrumentation.remove()
