"""`instrument(client)`: traces and metrics of one client, until its handle removes them.

Owns the call that a program makes. Must not import OpenTelemetry.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

from ..client.client import LambdaClient
from ..errors import ConfigurationError
from ..types.mistakes import explains_call, kind_of
from .handle import Instrumentation, instrumentation_of
from .settings import Settings

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider


__all__ = ["instrument"]


@explains_call()
def instrument(
    client: LambdaClient,
    *,
    tracer_provider: "TracerProvider | None" = None,
    meter_provider: "MeterProvider | None" = None,
    attempts: bool = False,
    function_names: bool = True,
    w3c_in_client_context: bool = False,
    baggage_entries: Iterable[str] = (),
    map_items: Literal["none", "links", "children"] = "none",
) -> Instrumentation:
    """Trace and measure the calls of a client with OpenTelemetry, and pass the trace on to the functions.

    Each call gets a span `Lambda.Invoke` or `Lambda.InvokeWithResponseStream`, and its requests the header `X-Amzn-Trace-Id`.
    Payloads are not touched. Calls that start later are traced. It needs the extra `otel`, and a program that sets up an SDK.

    ::

        from aiolambda.telemetry import instrument

        instrument(client, attempts=True)

    Args:
        client: The client. It may be open already.
        tracer_provider: Makes the spans. Default: the global provider, also one that is set later.
        meter_provider: Makes the metrics. Default: the global provider, also one that is set later.
        attempts: `True` adds a span and a metric for each HTTP request. Default `False`.
        function_names: `False` leaves the name of the function out of metrics. Default `True`.
            Use it in a program that calls thousands of functions.
        w3c_in_client_context: `True` adds `traceparent` and `tracestate` to the client context. Default `False`.
            They go into its `custom` part, in synchronous calls and streams only. A context that would become too long stays as
            it is.
        baggage_entries: The names of the baggage entries to add there as well. Default: none, because CloudTrail may log them.
        map_items: Spans for the items of a map: `"none"` (the default), `"links"` or `"children"`.
            The run of a map has one span always. `"links"` gives each item a trace of its own with a link to the run,
            `"children"` puts all items into the trace of the run.

    Returns:
        A handle whose `remove()` ends it.

    Raises:
        ConfigurationError: OpenTelemetry is not installed, an argument is wrong, or the client is instrumented already.
    """
    if not isinstance(client, LambdaClient):  # pyright: ignore[reportUnnecessaryIsInstance] - callers need not be typed
        raise ConfigurationError(f"instrument takes a LambdaClient; got {kind_of(client)}")
    settings = Settings(
        tracer_provider=tracer_provider,
        meter_provider=meter_provider,
        attempts=attempts,
        function_names=function_names,
        w3c_in_client_context=w3c_in_client_context,
        baggage_entries=baggage_entries,
        map_items=map_items,
    )
    existing = instrumentation_of(client)
    if existing is not None:
        if not existing.is_automatic:
            raise ConfigurationError("this client is instrumented already: call remove() of that instrumentation first")
        existing.remove()
    return settings.apply(client, is_automatic=False)
