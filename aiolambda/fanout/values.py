"""The values of a map: the result of an item, the totals, and the settings of a run.

Owns their members. Must not know how a map runs.
"""

from collections.abc import Callable, Mapping
from typing import Any, Generic, Literal, TypeVar

import attrs

from ..errors import AiolambdaError, ConfigurationError
from ..errors.checks import check_callable, check_choice, check_seconds, check_whole, checked_by
from ..operations.invoke_types import InvokeCommandOutput
from ..types.values import Delivery, ThrottleReason, shown

__all__ = ["MapResult", "MapSettings", "MapStats", "StoppedBy"]

T = TypeVar("T")
Item = TypeVar("Item")

StoppedBy = Literal["deadline", "failures", "caller", "error"]


@attrs.frozen(kw_only=True)
class MapResult(Generic[Item]):
    """The outcome of one item of a map: an output, or the error of an item that failed.

    `index` is the item's place in the input, and `key` its name in the journal. `output` is the last answer, also of a function
    that failed. `delivery` is the verdict on all invocations of the item. `attempts` counts the requests that were sent for it.
    `duration` is that of its last invocation, in seconds. `replayed` says that the result is that of an earlier run.
    """

    index: int
    key: str
    item: Item = attrs.field(repr=False)
    output: InvokeCommandOutput | None = None
    error: AiolambdaError | None = None
    delivery: Delivery
    attempts: int = 0
    duration: float = 0.0
    replayed: bool = False

    @property
    def ok(self) -> bool:
        """Whether the item succeeded: it has no `error`."""
        return self.error is None

    def value(self) -> Any:
        """The decoded payload, or `None` for an event that was accepted. Raises `error` if the item failed."""
        output = self._output()
        return None if output is None or (output.status_code == 202 and not output.payload) else output.json()

    def decode(self, type: type[T], /) -> T:
        """The payload as a value of this type, made by the client's codec. Raises `error` if the item failed."""
        output = self._output()
        if output is None:
            raise ValueError(f"item {self.index} has no payload to decode")
        return output.decode(type)

    def _output(self) -> InvokeCommandOutput | None:
        if self.error is not None:
            raise self.error
        return self.output


@attrs.frozen(kw_only=True)
class MapStats:
    """The totals of a map at one moment.

    `pending` items were read from the input and are neither in flight nor done. `failed` counts the done items that failed, by
    verdict. `throttled` counts the throttled requests, by reason (`None` if Lambda gave none). `window` is the number of
    invocations that may be in flight, and `rate` the results per second over the last 5 s. `percentiles` are those of the
    duration of an item's last invocation, in seconds, by per cent (50, 90, 99), exact to 5 %. `billed_ms` and `cold_starts`
    come from the REPORT lines, if `log_type="Tail"`; a restored snapshot counts as a cold start. Both include replayed items.
    """

    pending: int = 0
    in_flight: int = 0
    done: int = 0
    replayed: int = 0
    failed: Mapping[Delivery, int] = attrs.field(factory=dict[Delivery, int])
    throttled: Mapping[ThrottleReason | None, int] = attrs.field(factory=dict[ThrottleReason | None, int])
    window: int = 0
    rate: float = 0.0
    percentiles: Mapping[int, float] = attrs.field(factory=dict[int, float])
    billed_ms: float = 0.0
    cold_starts: int = 0


def _check_ratio(instance: object, attribute: "attrs.Attribute[Any]", value: object) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ConfigurationError(f"{attribute.name} must be a share from 0 to 1, or None; got {shown(value)}")


@attrs.frozen(kw_only=True)
class MapSettings:
    """The settings of one run.

    `lookahead` is the number of items that may be read while their windows are full. `max_held` bounds the items and results
    that the run holds.
    """

    ordered: bool = attrs.field(validator=checked_by(check_choice))
    retry_function_errors: int = attrs.field(validator=checked_by(check_whole, least=0))
    max_failures: int | None = attrs.field(validator=checked_by(check_whole, optional=True, least=0))
    max_failure_ratio: float | None = attrs.field(validator=_check_ratio)
    deadline: float | None = attrs.field(validator=checked_by(check_seconds))
    on_progress: Callable[[MapStats], None] | None = attrs.field(validator=checked_by(check_callable))
    max_held: int
    lookahead: int
