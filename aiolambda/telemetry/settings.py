"""The settings of an instrumentation: their checks, and the parts that they make.

Must not import OpenTelemetry, or the client, before a client is instrumented: a program that `opentelemetry-instrument` starts
may have none.
"""

import inspect
import re
from collections.abc import Iterable
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from ..errors import ConfigurationError
from ..errors.checks import check_choice
from ..types.mistakes import choices_text
from ..types.values import PayloadLimits, shown
from ..version import DISTRIBUTION, install_line
from .handle import Instrumentation

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

    from ..client.client import LambdaClient
    from .maps import MapItems

__all__ = ["NAME", "Settings"]

NAME = "openTelemetryMiddleware"
_MAP_ITEMS = ("none", "links", "children")
_SINCE_1_30 = "explicit_bucket_boundaries_advisory"
"""An argument that OpenTelemetry's API has since then."""
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")


class Settings:
    """The arguments of `instrument`, checked. `ConfigurationError` if one is wrong, or OpenTelemetry is not installed."""

    def __init__(
        self,
        *,
        tracer_provider: "TracerProvider | None" = None,
        meter_provider: "MeterProvider | None" = None,
        attempts: bool = False,
        function_names: bool = True,
        w3c_in_client_context: bool = False,
        baggage_entries: Iterable[str] = (),
        map_items: "MapItems" = "none",
    ) -> None:
        check_choice("attempts", attempts)
        check_choice("function_names", function_names)
        check_choice("w3c_in_client_context", w3c_in_client_context)
        if map_items not in _MAP_ITEMS:
            raise ConfigurationError(f"map_items: {choices_text(map_items, _MAP_ITEMS)}; got {shown(map_items)}")
        entries = _checked_entries(baggage_entries)
        if entries and not w3c_in_client_context:
            raise ConfigurationError("baggage_entries needs w3c_in_client_context=True: baggage goes into the client context")
        _require_api()
        self._tracer_provider, self._meter_provider = tracer_provider, meter_provider
        self._attempts, self._function_names = attempts, function_names
        self._map_items: MapItems = map_items
        self._entries = entries if w3c_in_client_context else None

    def apply(self, client: "LambdaClient", *, is_automatic: bool) -> Instrumentation:
        """Instrument a client."""
        from opentelemetry import metrics, trace  # noqa: PLC0415 - see above

        from .instruments import Instruments  # noqa: PLC0415 - see above
        from .maps import MapSpans  # noqa: PLC0415 - see above
        from .propagation import ContextFields  # noqa: PLC0415 - see above
        from .spans import Tracing, TracingMiddleware  # noqa: PLC0415 - see above
        from .targets import Targets  # noqa: PLC0415 - see above

        tracers = self._tracer_provider or trace.get_tracer_provider()
        meters = self._meter_provider or metrics.get_meter_provider()
        tracing = Tracing(tracers, is_default=self._tracer_provider is None)
        maps = MapSpans(tracing.tracer)
        middleware = TracingMiddleware(
            tracing,
            Instruments(meters, is_default=self._meter_provider is None),
            Targets(client, function_names=self._function_names),
            maps,
            attempts=self._attempts,
            map_items=self._map_items,
            context_fields=None if self._entries is None else ContextFields(self._entries),
            context_limit=min(PayloadLimits().client_context, client.config.limits.client_context),
        )
        client.middleware_stack.add(middleware, step="initialize", priority="high", name=NAME)
        return Instrumentation(client, middleware, client.observe(maps), is_automatic=is_automatic)


def _checked_entries(entries: object) -> tuple[str, ...]:
    """The names of baggage entries. `ConfigurationError` if they are something else."""
    if isinstance(entries, Iterable) and not isinstance(entries, str | bytes):
        names = tuple(cast("Iterable[object]", entries))
        if all(isinstance(name, str) and _TOKEN.fullmatch(name) for name in names):
            return cast("tuple[str, ...]", names)
    raise ConfigurationError('baggage_entries must be names of baggage entries, such as ["tenant"]')


def _require_api() -> None:
    remedy = f"install {DISTRIBUTION} with its extra 'otel' ({install_line('otel')})"
    try:
        import_module("opentelemetry.trace")
        meter: Any = import_module("opentelemetry.metrics").Meter
    except ImportError:
        raise ConfigurationError(f"tracing needs opentelemetry-api: {remedy}") from None
    if _SINCE_1_30 not in inspect.signature(meter.create_histogram).parameters:
        raise ConfigurationError(f"tracing needs opentelemetry-api 1.30 or later, and an older one is installed: {remedy}")
