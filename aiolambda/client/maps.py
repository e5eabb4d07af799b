"""`map` and `map_commands` of a client.

Owns the signatures of these calls, and what they make of their arguments. Must not know how a run is made: `Runs` does.
`fanout` is loaded by the first map, so this module is not part of it.
"""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import AsyncIterable, Callable, Iterable, Mapping
from os import PathLike
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import attrs

from ..errors import ConfigurationError
from ..errors.checks import check_callable, check_flag, check_path, check_plain_function
from ..operations.commands import InvokeCommand
from ..operations.invoke_types import InvokeCommandInput
from ..operations.payload import Payload
from ..protocol.names import check_function_name
from ..types.interfaces import Codec
from ..types.mistakes import choices_text
from ..types.values import UNSET, HedgeAfter, LogType, Timeouts, Unset, shown, text_of
from .map_checks import check_items, checked_hedge

if TYPE_CHECKING:  # loaded by the first map: most programs have none
    from ..fanout import Journal, MapRun, Source
    from ..fanout.values import MapStats
    from ..operations.fetch_command import FetchCommand

__all__ = ["MapCalls", "RunRequest", "Runs"]

Item = TypeVar("Item")
Sent = TypeVar("Sent", bound="InvokeCommand | FetchCommand")

_TYPES = ("RequestResponse", "Event")
_LOOKAHEAD = 1000
"""Commands that are read while the window of their function is full, so that a throttled function does not stop the others."""


@attrs.frozen(kw_only=True)
class RunRequest:
    """The arguments of a map, for the maker of its run."""

    function_name: str | None
    """The function; `None` for commands, which may name different ones."""
    qualifier: str | None = None
    concurrency: int | Literal["adaptive", "limits"]
    processes: int
    timeout: float | Timeouts | Unset | None
    idempotent: bool | None
    hedge_after: HedgeAfter | None
    """When items are hedged, as the map or the client says."""
    journal: "Journal | None"
    lookahead: int
    settings: Mapping[str, Any]
    """Those of `MapSettings` that the map has given."""


class Runs(ABC):
    """The maker of the runs of `map` and `map_commands`."""

    codec: Codec
    idempotent: bool
    """Whether items are idempotent that do not say it themselves."""
    hedge_after: HedgeAfter | None
    """When items are hedged if their map does not say it."""

    @abstractmethod
    def run(self, source: "Source[Item]", asked: RunRequest) -> "MapRun[Item]":
        """A run that has not begun. `ConfigurationError` for an invalid setting."""


class MapCalls:
    """`map` and `map_commands` of a client."""

    _runs: Runs

    def map(
        self,
        function_name: str,
        items: Iterable[Item] | AsyncIterable[Item],
        *,
        concurrency: int | Literal["adaptive", "limits"] = "adaptive",
        ordered: bool = False,
        key: Callable[[Item], str] | None = None,
        payload: Callable[[Item], Payload] | None = None,
        invocation_type: Literal["RequestResponse", "Event"] = "RequestResponse",
        qualifier: str | None = None,
        tenant_id: str | None = None,
        log_type: LogType | None = None,
        idempotent: bool | None = None,
        hedge_after: HedgeAfter | Unset | None = UNSET,
        retry_function_errors: int = 0,
        max_failures: int | None = None,
        max_failure_ratio: float | None = None,
        timeout: float | Timeouts | Unset | None = UNSET,
        deadline: float | None = None,
        journal: str | PathLike[str] | None = None,
        journal_results: Literal["all", "outcome"] = "all",
        retry_failed: bool = False,
        processes: int = 1,
        on_progress: "Callable[[MapStats], None] | None" = None,
    ) -> "MapRun[Item]":
        """Invoke a function for each item, many at a time.

        ::

            async with client.map("resize", items, concurrency=200) as run:
                async for result in run:
                    print(result.key, result.value() if result.ok else result.error)

        Each item gets a `MapResult`, also if it failed. Throttled items wait until Lambda accepts them.

        Args:
            function_name: A name, `name:qualifier`, a partial ARN or an ARN.
            items: The items, an iterable or an asynchronous one. It is read lazily.
            concurrency: The number of invocations in flight. `"adaptive"` (the default) finds the number that Lambda accepts.
                `"limits"` is adaptive, too. It starts at the reserved concurrency of the function, else at the unreserved one
                of the account, as far as Lambda scales at once. It asks Lambda for both, with the permissions
                `lambda:GetFunction` and `lambda:GetAccountSettings`; without them it starts as `"adaptive"`.
                It is never more than the client's `max_concurrency`.
            ordered: `True` yields the results in the order of the items. By default they come as they arrive.
            key: A function that returns the name of an item in the journal. By default a hash of the payload.
            payload: A function that returns the payload of an item. By default the item itself is the payload.
            invocation_type: `"RequestResponse"` (the default), or `"Event"` to queue an event for each item.
            qualifier: A version or an alias. Default: the latest version.
            tenant_id: The tenant, for a function with tenant isolation.
            log_type: `"Tail"` fills `billed_ms` and `cold_starts` of `run.stats`. Default: no log.
            idempotent: `True` if running the function twice for an item does no harm. Default: as the client says.
            hedge_after: When an idempotent item that has no answer is sent a second time. Default: as the client says.
                Seconds, or `"p90"`, `"p95"` or `"p99"`: the time in which that share of the function's answers came.
                The first answer wins. The function may run twice, and both runs are billed. A hedge counts in the concurrency,
                and is sent only if there is room. `None` is never.
            retry_function_errors: How often an item whose function failed is sent again. Default 0.
            max_failures: The number of failed items that are accepted. Default `None`: any number.
                With one more, the run ends with `TooManyFailuresError`. If neither limit is set, it also does if the first 100
                items all fail with the same refusal.
            max_failure_ratio: The share of failed items that is accepted, from 0 to 1. Default `None`: any share.
            timeout: Seconds for one invocation, from its slot on, or `Timeouts`. Default: that of the client.
                A number or `None` replaces the `total` of the client's limits, `Timeouts` replaces them all.
            deadline: Seconds from the start of the run after which nothing more is sent. Default none.
                Invocations in flight then have 30 s to end.
            journal: The path of a file from which a later run resumes. Default: no journal.
            journal_results: What the journal keeps of a result: `"all"` (the default), or only its `"outcome"`.
                An outcome has the verdict, the kind of the error and the cost, but neither payload nor log.
            retry_failed: `True` sends again what has failed in an earlier run, as far as that is safe. Default `False`.
                Items that have run are sent again only if they are idempotent; those that have not, in any case.
            processes: The number of processes that make the calls, at most 64. Default 1: this one.
                More of them use more cores; see "More than one core" in the manual. The limits hold for all together.
            on_progress: A function that receives the totals, at most ten times a second.

        Raises:
            ConfigurationError: An argument is wrong, or `concurrency` exceeds `max_concurrency`.
        """
        from ..fanout import Source, item_factory, journal_of  # noqa: PLC0415 - as above

        check_callable("key", key)
        check_path("journal", journal)
        check_callable("payload", payload)
        check_function_name(function_name)
        check_items("items", items)
        if text_of(invocation_type) not in _TYPES:
            raise ConfigurationError(
                f"invocation_type must be {' or '.join(_TYPES)} in a map; got {shown(invocation_type)}: "
                f"{choices_text(invocation_type, _TYPES)}"
            )
        if hedge_after not in (UNSET, None) and invocation_type == "Event":
            raise ConfigurationError("hedge_after is for invocations that wait for their answer: an Event does not")
        template = InvokeCommandInput(
            function_name=function_name,
            invocation_type=invocation_type,
            qualifier=qualifier,
            tenant_id=tenant_id,
            log_type=log_type,
        )
        prepare = item_factory(
            template,
            key=key,
            payload=payload,
            codec=self._runs.codec,
            idempotent=self._runs.idempotent if idempotent is None else idempotent,
            hashed=journal is not None and key is None,
        )
        tenant = None  # a hash in place of the id; the id itself is checked with each item
        if journal is not None and tenant_id is not None:
            tenant = hashlib.sha256(str(tenant_id).encode(errors="surrogatepass")).hexdigest()
        identity = {"function": function_name, "qualifier": qualifier, "type": invocation_type, "tenant": tenant}
        check_plain_function("on_progress", on_progress)
        asked = RunRequest(
            function_name=function_name,
            qualifier=qualifier,
            concurrency=concurrency,
            processes=processes,
            timeout=timeout,
            idempotent=idempotent,
            hedge_after=self._hedge_of(hedge_after, idempotent, function_name),
            journal=journal_of(journal, identity, results=journal_results, retry_failed=retry_failed),
            lookahead=0,
            settings={
                "ordered": ordered,
                "retry_function_errors": retry_function_errors,
                "max_failures": max_failures,
                "max_failure_ratio": max_failure_ratio,
                "deadline": deadline,
                "retry_failed": retry_failed,
                "on_progress": on_progress,
                "idempotent": self._runs.idempotent if idempotent is None else idempotent,
            },
        )
        return self._runs.run(Source(items, prepare), asked)

    def map_commands(
        self,
        commands: Iterable[Sent] | AsyncIterable[Sent],
        *,
        concurrency: int | Literal["adaptive"] = "adaptive",
        ordered: bool = False,
        key: Callable[[Sent], str] | None = None,
        idempotent: bool | None = None,
        hedge_after: HedgeAfter | Unset | None = UNSET,
        retry_function_errors: int = 0,
        max_failures: int | None = None,
        max_failure_ratio: float | None = None,
        timeout: float | Timeouts | Unset | None = UNSET,
        deadline: float | None = None,
        journal: str | PathLike[str] | None = None,
        journal_results: Literal["all", "outcome"] = "all",
        retry_failed: bool = False,
        processes: int = 1,
        on_progress: "Callable[[MapStats], None] | None" = None,
    ) -> "MapRun[Sent]":
        """Send each command. The commands may be for different functions; a throttled function does not slow the others.

        ::

            async with client.map_commands(InvokeCommand(function_name=name) for name in names) as run:
                async for result in run:
                    print(result.item.input.function_name, result.ok)

        Args:
            commands: The commands, an iterable or an asynchronous one. It is read lazily.
                They may be `FetchCommand`s, whose responses are `result.response`.
            concurrency: The number of invocations in flight. `"adaptive"` (the default) finds the number that Lambda accepts.
            ordered: `True` yields the results in the order of the commands. By default they come as they arrive.
            key: A function that returns the name of a command in the journal. By default a hash of its input.
            idempotent: `True` if running a function twice does no harm. Default: as each command says, then the client.
            hedge_after: When an idempotent command that has no answer is sent a second time. Default: as the client says.
                Seconds, or `"p90"`, `"p95"` or `"p99"`: the time in which that share of the function's answers came.
                The first answer wins. The function may run twice, and both runs are billed. A hedge counts in the concurrency,
                and is sent only if there is room. `None` is never.
            retry_function_errors: How often a command whose function failed is sent again. Default 0.
            max_failures: The number of failed commands that are accepted. Default `None`: any number.
                With one more, the run ends with `TooManyFailuresError`. If neither limit is set, it also does if the first 100
                commands all fail with the same refusal.
            max_failure_ratio: The share of failed commands that is accepted, from 0 to 1. Default `None`: any share.
            timeout: Seconds for one invocation, from its slot on, or `Timeouts`. Default: that of the client.
                A number or `None` replaces the `total` of the client's limits, `Timeouts` replaces them all.
            deadline: Seconds from the start of the run after which nothing more is sent. Default none.
                Invocations in flight then have 30 s to end.
            journal: The path of a file from which a later run resumes. Default: no journal.
            journal_results: What the journal keeps of a result: `"all"` (the default), or only its `"outcome"`.
                An outcome has the verdict, the kind of the error and the cost, but neither payload nor log.
            retry_failed: `True` sends again what has failed in an earlier run, as far as that is safe. Default `False`.
                Items that have run are sent again only if they are idempotent; those that have not, in any case.
            processes: The number of processes that make the calls, at most 64. Default 1: this one.
                More of them use more cores; see "More than one core" in the manual. The limits hold for all together.
            on_progress: A function that receives the totals, at most ten times a second.

        Raises:
            ConfigurationError: An argument is wrong, or `concurrency` exceeds `max_concurrency`.
        """
        from ..fanout import Source, command_factory, journal_of  # noqa: PLC0415 - as above

        check_callable("key", key)
        check_path("journal", journal)
        check_items("commands", commands)
        prepare = command_factory(
            key=key,
            codec=self._runs.codec,
            idempotent=idempotent,
            default=self._runs.idempotent,
            hashed=journal is not None and key is None,
        )
        identity = {"function": None, "qualifier": None, "type": "commands"}
        check_plain_function("on_progress", on_progress)
        asked = RunRequest(
            function_name=None,
            concurrency=concurrency,
            processes=processes,
            timeout=timeout,
            idempotent=idempotent,
            hedge_after=self._hedge_of(hedge_after, idempotent, None),
            journal=journal_of(journal, identity, results=journal_results, retry_failed=retry_failed),
            lookahead=_LOOKAHEAD,
            settings={
                "ordered": ordered,
                "retry_function_errors": retry_function_errors,
                "max_failures": max_failures,
                "max_failure_ratio": max_failure_ratio,
                "deadline": deadline,
                "retry_failed": retry_failed,
                "on_progress": on_progress,
                "idempotent": self._runs.idempotent if idempotent is None else idempotent,
            },
        )
        return self._runs.run(Source(commands, prepare), asked)

    def _hedge_of(
        self, asked: HedgeAfter | Unset | None, idempotent: bool | None, function_name: str | None
    ) -> HedgeAfter | None:
        """When the items of a run are hedged. Of commands, each says itself whether it is idempotent."""
        check_flag("idempotent", idempotent)
        if asked is UNSET:
            return self._runs.hedge_after
        if idempotent is None:
            idempotent = self._runs.idempotent or function_name is None
        return checked_hedge(asked, idempotent=idempotent)
