"""What a map gives: the result of an item, and the totals.

Owns their members, and what a result can say of itself. Must not know how a map runs.
"""

from collections.abc import Mapping
from typing import Any, Generic, TypeVar

import attrs

from ..errors import AiolambdaError
from ..operations.invoke_types import InvokeCommandOutput
from ..types.values import Delivery, ThrottleReason

__all__ = ["MapResult", "MapStats"]

T = TypeVar("T")
Item = TypeVar("Item")


@attrs.frozen(kw_only=True)
class MapResult(Generic[Item]):
    """What became of one item of a map; a failure is data, too.

    `index` is the item's place in the input, `key` its name in the journal. `output` is the last answer, `error` why the item
    has failed. `attempts` are the requests that were sent for it, `duration` is that of its last invocation in seconds.
    `replayed`: the result is that of an earlier run, out of the journal.
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
        return self.error is None

    def value(self) -> Any:
        """The decoded payload, `None` for an event that was accepted; raises the `error` of an item that has failed."""
        output = self._output()
        return None if output is None or (output.status_code == 202 and not output.payload) else output.json()

    def decode(self, type: type[T], /) -> T:
        """The payload as a value of a type, through the client's codec; raises the `error` of an item that has failed."""
        output = self._output()
        if output is None:
            raise ValueError("there is no payload to decode")
        return output.decode(type)

    def _output(self) -> InvokeCommandOutput | None:
        if self.error is not None:
            raise self.error
        return self.output


@attrs.frozen(kw_only=True)
class MapStats:
    """The totals of a map at this moment.

    `pending` items were read from the input and are neither in flight nor done; `failed` counts the done ones that failed, by
    verdict; `throttled` the requests that were throttled, by reason (`None` where Lambda gave none). `window` is how many may
    be in flight, `rate` the results a second over the last seconds. `percentiles` of the duration of an item's last
    invocation, in seconds, by per cent (50, 90, 99), are exact to 5 %. `billed_ms` and `cold_starts` (restored snapshots are
    counted, too) come from the REPORT lines, with `log_type="Tail"`; those of replayed items are in them.
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
