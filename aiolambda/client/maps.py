"""The calls of a client that fan out: what a map is made of, and the runs that there are.

Owns the signatures of these calls, and the windows that the maps of one client share. Must not know how an invocation is sent:
the client hands that in.
"""

import contextlib
import hashlib
from collections.abc import AsyncIterable, Callable, Iterable
from os import PathLike
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

from ..errors import ConfigurationError
from ..errors.checks import check_callable, check_flag, check_path
from ..operations.commands import InvokeCommand
from ..operations.invoke_types import InvokeCommandInput
from ..operations.payload import Payload, check_json_text
from ..types.interfaces import Codec
from ..types.values import UNSET, LogType, Timeouts, Unset, is_whole, shown

if TYPE_CHECKING:  # loaded by the first map: most programs have none
    from ..fanout import Journal, MapRun, Send, Source
    from ..fanout.values import MapStats
    from ..policy.concurrency import Admission

__all__ = ["MapCalls", "Maps"]

Item = TypeVar("Item")

_LEAST_HELD = 64
_JOURNAL_ENDS_IN = 5.0
"""Seconds."""
_LOOKAHEAD = 1000
"""Commands that are read beyond those for which their functions have room, so that a throttled one does not stop the rest."""


class Maps:
    """What the maps of one client share."""

    def __init__(
        self,
        *,
        most: int,
        codec: Codec,
        idempotent: bool,
        sender: "Callable[[float | Timeouts | Unset | None, bool | None], Send]",
        jitter: Callable[[], float],
        enter: Callable[[], None],
    ) -> None:
        self._enter = enter
        self.codec = codec
        self.idempotent = idempotent
        self._admission: Admission | None = None
        self.runs: set[MapRun[Any]] = set()
        self._most = most
        self._sender = sender
        self._jitter = jitter

    def run(
        self,
        source: "Source[Item]",
        *,
        concurrency: int | Literal["adaptive"],
        timeout: float | Timeouts | Unset | None,
        idempotent: bool | None,
        journal: "Journal | None",
        lookahead: int,
        **settings: Any,
    ) -> "MapRun[Item]":
        """A run that has not begun. `ConfigurationError` for a setting that cannot be used."""
        from ..fanout import MapRun, MapScheduler, MapSettings  # noqa: PLC0415 - as above
        from ..policy.concurrency import Admission  # noqa: PLC0415

        check_flag("idempotent", idempotent)
        most = self._most
        fixed = None if concurrency == "adaptive" else _checked_concurrency(concurrency, most)
        course = MapScheduler(
            source,
            send=self._sender(timeout, idempotent),
            admission=self.admission if fixed is None else Admission(fixed, fixed=fixed),
            settings=MapSettings(held=max(_LEAST_HELD, 4 * (fixed or most)) + lookahead, lookahead=lookahead, **settings),
            journal=journal,
            codec=self.codec,
            jitter=self._jitter,
        )
        return MapRun(course, self.runs, enter=self._enter)

    def leave(self, *, forked: bool) -> None:
        """Begin anew on another loop: the runs on the one that was left go no further."""
        for run in self.runs:
            run.abandon(forked=forked)
        self.runs.clear()
        if self._admission is not None:
            self._admission.forget_flights()

    @property
    def admission(self) -> "Admission":
        """The windows that maps without a fixed concurrency share."""
        from ..policy.concurrency import Admission  # noqa: PLC0415 - as above

        if self._admission is None:
            self._admission = Admission(self._most)
        return self._admission

    def stop(self) -> None:
        """Submit nothing more, in any run."""
        for run in list(self.runs):
            run.stop()

    async def aclose(self) -> None:
        """End every run: all calls have ended, and what is left to do is the journal's."""
        async with contextlib.AsyncExitStack() as endings:  # each of them comes, whatever becomes of those before it
            for run in self.runs:
                endings.push_async_callback(run.aclose, grace=_JOURNAL_ENDS_IN)


class MapCalls:
    """`map` and `map_commands` of a client."""

    _maps: Maps

    def map(
        self,
        function_name: str,
        items: Iterable[Item] | AsyncIterable[Item],
        *,
        concurrency: int | Literal["adaptive"] = "adaptive",
        ordered: bool = False,
        key: Callable[[Item], str] | None = None,
        payload: Callable[[Item], Payload] | None = None,
        invocation_type: Literal["RequestResponse", "Event"] = "RequestResponse",
        qualifier: str | None = None,
        tenant_id: str | None = None,
        log_type: LogType | None = None,
        idempotent: bool | None = None,
        retry_function_errors: int = 0,
        max_failures: int | None = None,
        max_failure_ratio: float | None = None,
        timeout: float | Timeouts | Unset | None = UNSET,
        deadline: float | None = None,
        journal: str | PathLike[str] | None = None,
        on_progress: "Callable[[MapStats], None] | None" = None,
    ) -> "MapRun[Item]":
        """Invoke a function for every item: `async with client.map(...) as run: async for result in run: ...`.

        An item is a payload, or `payload(item)` gives one. `items` is read lazily, a result is a `MapResult`, and a failure is
        one, too. `concurrency` is how many invocations are in flight; `"adaptive"` finds how many Lambda takes, up to the
        client's `max_concurrency`. `timeout` is that of an item's invocation, and begins with its slot; throttled items wait
        for as long as it takes, until `deadline`, in seconds from the start. The run ends with `TooManyFailuresError` once
        more than `max_failures`, or more than a share of `max_failure_ratio`, have failed. `journal` names a file out of
        which a run that ended goes on; its `key` is the item's name there, or else a hash of its payload. `on_progress` is
        given the totals, at most ten times a second.
        """
        from ..fanout import Journal, Source, maker_of_items  # noqa: PLC0415 - as above

        _check_sources(key, journal)
        check_callable("payload", payload)
        template = InvokeCommandInput(
            function_name=function_name,
            invocation_type=invocation_type,
            qualifier=qualifier,
            tenant_id=tenant_id,
            log_type=log_type,
        )
        make = maker_of_items(
            template,
            key=key,
            payload=payload,
            check=check_json_text,
            codec=self._maps.codec,
            idempotent=self._maps.idempotent if idempotent is None else idempotent,
            hashed=journal is not None and key is None,
        )
        tenant = None  # in place of the id itself; whether that is one, each item's own check says
        if journal is not None and tenant_id is not None:
            tenant = hashlib.sha256(str(tenant_id).encode(errors="surrogatepass")).hexdigest()
        identity = {"function": function_name, "qualifier": qualifier, "type": invocation_type, "tenant": tenant}
        return self._maps.run(
            Source(items, make),
            concurrency=concurrency,
            timeout=timeout,
            idempotent=idempotent,
            journal=None if journal is None else Journal(journal, identity),
            lookahead=0,
            ordered=ordered,
            retry_function_errors=retry_function_errors,
            max_failures=max_failures,
            max_failure_ratio=max_failure_ratio,
            deadline=deadline,
            on_progress=on_progress,
        )

    def map_commands(
        self,
        commands: Iterable[InvokeCommand] | AsyncIterable[InvokeCommand],
        *,
        concurrency: int | Literal["adaptive"] = "adaptive",
        ordered: bool = False,
        key: Callable[[InvokeCommand], str] | None = None,
        idempotent: bool | None = None,
        retry_function_errors: int = 0,
        max_failures: int | None = None,
        max_failure_ratio: float | None = None,
        timeout: float | Timeouts | Unset | None = UNSET,
        deadline: float | None = None,
        journal: str | PathLike[str] | None = None,
        on_progress: "Callable[[MapStats], None] | None" = None,
    ) -> "MapRun[InvokeCommand]":
        """Send every command, of whatever functions; the rest is as in `map`. A function that is throttled slows no other."""
        from ..fanout import Journal, Source, maker_of_commands  # noqa: PLC0415 - as above

        _check_sources(key, journal)
        make = maker_of_commands(
            key=key,
            codec=self._maps.codec,
            idempotent=idempotent,
            default=self._maps.idempotent,
            hashed=journal is not None and key is None,
        )
        return self._maps.run(
            Source(commands, make),
            concurrency=concurrency,
            timeout=timeout,
            idempotent=idempotent,
            journal=None if journal is None else Journal(journal, {"function": None, "qualifier": None, "type": "commands"}),
            lookahead=_LOOKAHEAD,
            ordered=ordered,
            retry_function_errors=retry_function_errors,
            max_failures=max_failures,
            max_failure_ratio=max_failure_ratio,
            deadline=deadline,
            on_progress=on_progress,
        )


def _check_sources(key: Callable[..., str] | None, journal: str | PathLike[str] | None) -> None:
    check_callable("key", key)
    check_path("journal", journal)


def _checked_concurrency(asked: object, most: int) -> int:
    if not is_whole(asked, least=1):
        raise ConfigurationError(f"concurrency is a number of invocations, 1 or more, or 'adaptive'; got {shown(asked)}")
    if not is_whole(asked, least=1, most=most):
        raise ConfigurationError(
            f"concurrency is {shown(asked)}, and the client's max_concurrency is {most:,}: raise that, too"
        )
    return cast("int", asked)
