"""The values of a map: the result of an item, the totals, and the settings of a run.

Owns their members. Must not know how a map runs.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

import attrs

from ..errors import AiolambdaError, ConfigurationError
from ..errors.checks import check_callable, check_choice, check_seconds, check_whole, checked_by
from ..operations.invoke_types import InvokeCommandOutput
from ..types.values import Delivery, ThrottleReason, shown
from .causes import MapCause
from .columns import columns_of, outcome_of

if TYPE_CHECKING:
    from ..operations.fetch_types import HttpOutput

__all__ = ["MapCause", "MapResult", "MapSettings", "MapStats", "StoppedBy"]

T = TypeVar("T")
Item = TypeVar("Item")

StoppedBy = Literal["deadline", "failures", "caller", "error"]
"""Why a map ended before its input did: its deadline, too many failures, its caller, or an error."""

_LONGEST_KEY = 40
"""Characters of a key in a `repr`."""


@attrs.frozen(kw_only=True, repr=False)
class MapResult(Generic[Item]):
    """The outcome of one item of a map: an output, or the error of an item that failed.

    Args:
        index: The place of the item in the input, from 0 on.
        key: The name of the item: that of `key=`, else a hash of its payload. Without a journal, it is the index.
        item: The item itself.
        output: The last answer, also of a function that failed; `None` if no answer came.
        error: The error of an item that failed; `None` if it succeeded.
        delivery: The verdict on all invocations of the item: whether the function may have run.
        attempts: The number of requests that were sent for the item.
        duration: Seconds that its last invocation took.
        replayed: Whether the result is that of an earlier run, read from the journal.
        response: The HTTP response to a `FetchCommand`, of any status; `None` for other commands, and if no response came.
    """

    index: int
    """The place of the item in the input, from 0 on."""
    key: str
    """The name of the item: that of `key=`, else a hash of its payload. Without a journal, it is the index."""
    item: Item
    """The item itself."""
    output: InvokeCommandOutput | None = None
    """The last answer, also of a function that failed; `None` if no answer came."""
    error: AiolambdaError | None = None
    """The error of an item that failed; `None` if it succeeded."""
    delivery: Delivery
    """The verdict on all invocations of the item: whether the function may have run."""
    attempts: int = 0
    """The number of requests that were sent for the item."""
    duration: float = 0.0
    """Seconds that its last invocation took."""
    replayed: bool = False
    """Whether the result is that of an earlier run, read from the journal."""
    response: "HttpOutput | None" = None
    """The HTTP response to a `FetchCommand`, of any status; `None` for other commands, and if no response came."""

    @property
    def ok(self) -> bool:
        """Whether the item succeeded: it has no `error`."""
        return self.error is None

    def value(self) -> Any:
        """The decoded payload, or `None` for an event that was accepted. Raises `error` if the item failed."""
        output = self._output()
        if self.response is not None:
            return self.response.json()
        return None if output is None or (output.status_code == 202 and not output.payload) else output.json()

    def decode(self, type: type[T], /) -> T:
        """The payload as a value of this type, made by the client's codec. Raises `error` if the item failed.

        Args:
            type: The type that the codec makes of it.
        """
        output = self.response or self._output()
        if output is None:
            raise ValueError(f"item {self.index} has no payload to decode")
        return output.decode(type)

    def as_dict(self) -> dict[str, Any]:
        """The result as flat columns, the same for every result: `pandas.DataFrame(result.as_dict() for result in results)`.

        `item` and `value` are what they are; all other columns are text, numbers, booleans or `None`. It never raises: the
        `value` is the decoded payload, its text if it is not JSON, its bytes if it is not text, and `None` if the item failed.
        `billed_ms`, `cold_start` and the memory need `log_type="Tail"`.

        ::

            async with client.map("resize", items) as run:
                rows = [result.as_dict() async for result in run]
        """
        return columns_of(self)

    def __repr__(self) -> str:
        """Which item, and what became of it. The item and the answer may hold secrets, so they are not shown."""
        key = self.key if len(self.key) <= _LONGEST_KEY else f"{self.key[:_LONGEST_KEY]}..."
        error = "" if self.error is None else f", error={type(self.error).__name__}"
        replayed = ", replayed" if self.replayed else ""
        return f"<MapResult {self.index} key={key!r} {outcome_of(self)}{error}, {self.duration:.3f} s{replayed}>"

    def _output(self) -> InvokeCommandOutput | None:
        if self.error is not None:
            raise self.error
        return self.output


@attrs.frozen(kw_only=True)
class MapStats:
    """The totals of a map at one moment.

    Args:
        pending: Items that were read from the input and are neither in flight nor done.
        in_flight: Invocations in flight now.
        done: Items that have a result, also those that failed or were not sent.
        replayed: Items whose result is that of an earlier run.
        unsent: Items that were read, and not sent because the run ended. They are done, and are not among the failed ones.
        failed: The done items that failed, by verdict.
        throttled: The throttled requests, by reason; `None` if Lambda gave none.
        attempts: Requests that were sent for the items that are done, without those of earlier runs.
        retries: Those of them that were not the first of their item.
        hedged: Invocations that were sent a second time, by `hedge_after`.
        hedges_won: Those of them whose second request had the first answer.
        window: The number of invocations that may be in flight.
        rate: Results per second over the last 5 s.
        average_rate: Results per second since the run began, without those of earlier runs.
        elapsed: Seconds since the run began, up to its end.
        percentiles: The duration of an item's last invocation in seconds, by per cent (50, 90, 99, 100), exact to 5 %.
        billed_ms: Milliseconds that are billed, with `log_type="Tail"`. Replayed items count too.
        cold_starts: Cold starts, with `log_type="Tail"`. A restored snapshot counts as one, and replayed items count too.
        gb_seconds: Billed seconds times gigabytes of memory, with `log_type="Tail"`. Replayed items count too.
        billed_invocations: The invocations behind these figures: those whose REPORT line came back.
        causes: The causes of the failures, the most frequent one first. Beyond 100, further ones are "other errors".
    """

    pending: int = 0
    """Items that were read from the input and are neither in flight nor done."""
    in_flight: int = 0
    """Invocations in flight now."""
    done: int = 0
    """Items that have a result, also those that failed or were not sent."""
    replayed: int = 0
    """Items whose result is that of an earlier run."""
    unsent: int = 0
    """Items that were read, and not sent because the run ended. They are done, and are not among the failed ones."""
    failed: Mapping[Delivery, int] = attrs.field(factory=dict[Delivery, int])
    """The done items that failed, by verdict."""
    throttled: Mapping[ThrottleReason | None, int] = attrs.field(factory=dict[ThrottleReason | None, int])
    """The throttled requests, by reason; `None` if Lambda gave none."""
    attempts: int = 0
    """Requests that were sent for the items that are done, without those of earlier runs."""
    retries: int = 0
    """Those of them that were not the first of their item."""
    hedged: int = 0
    """Invocations that were sent a second time, by `hedge_after`."""
    hedges_won: int = 0
    """Those of them whose second request had the first answer."""
    window: int = 0
    """The number of invocations that may be in flight."""
    rate: float = 0.0
    """Results per second over the last 5 s."""
    average_rate: float = 0.0
    """Results per second since the run began, without those of earlier runs."""
    elapsed: float = 0.0
    """Seconds since the run began, up to its end."""
    percentiles: Mapping[int, float] = attrs.field(factory=dict[int, float])
    """The duration of an item's last invocation in seconds, by per cent (50, 90, 99, 100), exact to 5 %."""
    billed_ms: float = 0.0
    """Milliseconds that are billed, with `log_type="Tail"`. Replayed items count too."""
    cold_starts: int = 0
    """Cold starts, with `log_type="Tail"`. A restored snapshot counts as one, and replayed items count too."""
    gb_seconds: float = 0.0
    """Billed seconds times gigabytes of memory, with `log_type="Tail"`. Replayed items count too."""
    billed_invocations: int = 0
    """The invocations behind these figures: those whose REPORT line came back."""
    causes: tuple[MapCause, ...] = ()
    """The causes of the failures, the most frequent one first. Beyond 100, further ones are "other errors"."""

    @property
    def billed_seconds(self) -> float:
        """`billed_ms` in seconds."""
        return self.billed_ms / 1000

    def _repr_html_(self) -> str:
        """The totals as a table, for notebooks."""
        from .notebook import html_of_stats  # noqa: PLC0415 - only notebooks show it

        return html_of_stats(self)


def _check_ratio(instance: object, attribute: "attrs.Attribute[Any]", value: object) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ConfigurationError(f"{attribute.name} must be a share from 0 to 1, or None; got {shown(value)}")


@attrs.frozen(kw_only=True)
class MapSettings:
    """The settings of one run.

    `lookahead` is the number of items that may be read while their windows are full. `max_held` bounds the items and results
    that the run holds. `idempotent` is that of items that do not say it themselves.
    """

    ordered: bool = attrs.field(validator=checked_by(check_choice))
    retry_function_errors: int = attrs.field(validator=checked_by(check_whole, least=0))
    max_failures: int | None = attrs.field(validator=checked_by(check_whole, optional=True, least=0))
    max_failure_ratio: float | None = attrs.field(validator=_check_ratio)
    deadline: float | None = attrs.field(validator=checked_by(check_seconds))
    on_progress: Callable[[MapStats], None] | None = attrs.field(validator=checked_by(check_callable))
    max_held: int
    lookahead: int
    idempotent: bool = attrs.field(default=False, validator=checked_by(check_choice))
    retry_failed: bool = attrs.field(default=False, validator=checked_by(check_choice))
