"""The answers of the operations on durable executions.

Must not know how a request arrives, or how an answer is sent.
Source: the Lambda API reference, and the texts of the service model.
"""

import json
from collections.abc import Callable, Mapping
from typing import TypeVar

import attrs

from ...protocol import names
from .. import api_errors
from ..control_plane.members import Members
from ..control_plane.pages import page_of
from ..control_plane.routes import Asked
from ..function_facts import Inventory
from ..identifiers import ACCOUNT, arn_of
from ..targets import Target, parse_target
from .execution import ScriptedExecution
from .members import body_of, described, error_of, flag_of, moment_of, statuses_of, summarized, text_of
from .store import ENDED, DurableStore

__all__ = ["DURABLE_OPERATIONS", "DurableAnswers"]

T = TypeVar("T")

_CALLBACK_LIMIT = 1024 * 1024
_TOKEN_LIFE = 15 * 60
_PAGE, _LARGEST_PAGE = 100, 1000


@attrs.frozen(kw_only=True)
class _Question:
    """A request. `now` is the time of the store's clock, `region` that of functions which the request names without one."""

    asked: Asked
    body: bytes = attrs.field(repr=False)
    now: float
    region: str


class DurableAnswers:
    """Answers about the executions of a store, and changes them."""

    def __init__(self, store: DurableStore, functions: Inventory) -> None:
        self._store, self._functions = store, functions
        self._tokens: dict[tuple[str, str, str], tuple[bytes, float]] = {}

    def answer(self, asked: Asked, body: bytes, *, now: float, region: str) -> tuple[int, bytes]:
        """The status and the body of the answer. Raises an `ApiError`."""
        status, find = _ANSWERS[asked.operation]
        question = _Question(asked=asked, body=body, now=now, region=region)
        return status, json.dumps(find(self, question)).encode()

    def function_of(self, asked: Asked) -> tuple[str | None, str | None]:
        """The function that a request is about and its qualifier, for scripted failures; `None` if it does not exist."""
        if "FunctionName" in asked.labels:
            name = asked.labels["FunctionName"]
            return name, names.qualifier_of(name) or asked.query_member("Qualifier")
        execution = self._store.known(asked.labels.get("DurableExecutionArn", ""))
        if execution is None:
            execution = self._store.with_callback(asked.labels.get("CallbackId", ""))
        return (None, None) if execution is None else (execution.start.function_name, execution.start.qualifier)

    def clear(self, now: float) -> None:
        """Forget all executions and client tokens."""
        self._store.clear(now)
        self._tokens.clear()

    # Reading

    def get(self, question: _Question) -> Members:
        execution, store = self._found(question), self._store
        include_data = flag_of(question.asked, "IncludeExecutionData", default=True)
        status, is_set = store.status_of(execution, counts=True)
        members = described(execution, status, epoch=store.epoch, include_data=include_data)
        if not is_set:
            execution.poll(question.now)
            if execution.is_deleting:
                store.forget(execution)
        return members

    def get_history(self, question: _Question) -> Members:
        execution, asked = self._found(question), question.asked
        include_data = flag_of(asked, "IncludeExecutionData", default=True)
        is_reversed = flag_of(asked, "ReverseOrder", default=False)
        ids = {_order(event_id, is_reversed=is_reversed): event_id for event_id in execution.history.ids()}
        page, marker = _page(asked, ids)
        events = [execution.history.answer(event_id, include_data=include_data) for event_id in page]
        return {"Events": events, "NextMarker": marker}

    def list_by_function(self, question: _Question) -> Members:
        asked, store = question.asked, self._store
        target = parse_target(asked.labels["FunctionName"], asked.query)
        function_arn = arn_of(target.name, target.region or question.region, account=target.account or ACCOUNT)
        self._check_function(target, function_arn)
        is_oldest_first = flag_of(asked, "ReverseOrder", default=False)
        name, statuses = asked.query_member("DurableExecutionName"), statuses_of(asked)
        after, before = moment_of(asked, "StartedAfter"), moment_of(asked, "StartedBefore")
        found: dict[str, Callable[[], Members]] = {}
        for execution in store.of_function(function_arn, target.qualifier, question.now):
            status, _ = store.status_of(execution, counts=False)
            started = store.epoch + execution.start.started
            if (
                name in (None, execution.start.name)
                and (not statuses or status in statuses)
                and (after is None or started > after)
                and (before is None or started < before)
                and store.is_visible(execution, question.now)
            ):
                found[_order(execution.start.number, is_reversed=not is_oldest_first)] = _summary(
                    execution, status, store.epoch
                )
        page, marker = _page(asked, found)
        return {"DurableExecutions": [entry() for entry in page], "NextMarker": marker}

    def _check_function(self, target: Target, function_arn: str) -> None:
        facts = self._functions.facts_of(target.name)
        if facts is None or facts.version_of(target.qualifier) is None:
            qualifier = "" if target.qualifier is None else f":{target.qualifier}"
            raise api_errors.function_not_found(f"{function_arn}{qualifier}")

    def _found(self, question: _Question) -> ScriptedExecution:
        return self._store.find(question.asked.labels["DurableExecutionArn"], question.now)

    # Changing

    def stop(self, question: _Question) -> Members:
        execution = self._found(question)
        error = error_of(question.body) or {"ErrorMessage": "The execution was stopped."}
        if execution.outcome is None:
            execution.stop(question.now, error)
        ended = question.now if execution.outcome is None else execution.outcome.time
        return {"StopTimestamp": self._store.epoch + ended}

    def pause(self, question: _Question) -> Members:
        execution, members = self._found(question), body_of(question.body)
        reason = text_of(members, "Reason", most=1024)
        stops_timeout = members.get("ExecutionTimeoutPaused", True)
        if not isinstance(stops_timeout, bool):
            raise api_errors.invalid_request("ExecutionTimeoutPaused must be true or false.")
        if not self._is_repeated(question, members):
            if execution.status != "RUNNING":
                raise api_errors.durable_execution_conflict("A pause", execution.status)
            self._remember(question, members)
            execution.ask_pause(question.now, reason=reason, stops_timeout=stops_timeout)
        return {}

    def resume(self, question: _Question) -> Members:
        execution, members = self._found(question), body_of(question.body)
        reason = text_of(members, "Reason", most=1024)
        if not self._is_repeated(question, members):
            if execution.status not in ("PAUSING", "PAUSED"):
                raise api_errors.durable_execution_conflict("A resume", execution.status)
            self._remember(question, members)
            execution.ask_resume(question.now, reason=reason)
        return {}

    def delete(self, question: _Question) -> Members:
        execution = self._found(question)
        if execution.status not in (*ENDED, "DELETING"):
            raise api_errors.durable_execution_conflict("A deletion", execution.status)
        execution.is_deleting = True
        return {"DeletionRequestTimestamp": self._store.epoch + question.now}

    def _is_repeated(self, question: _Question, members: Mapping[str, object]) -> bool:
        """Whether the same request with the same token was answered in the last 15 minutes."""
        body, at = self._tokens.get(_token_key(question, members), (b"", 0.0))
        return body == question.body and question.now < at + _TOKEN_LIFE

    def _remember(self, question: _Question, members: Mapping[str, object]) -> None:
        if members.get("ClientToken") is not None:
            self._tokens[_token_key(question, members)] = question.body, question.now

    # Callbacks

    def succeed(self, question: _Question) -> Members:
        if len(question.body) > _CALLBACK_LIMIT:
            raise api_errors.invalid_value("result", f"Member must have length less than or equal to {_CALLBACK_LIMIT}")
        execution, callback = self._store.find_callback(question.asked.labels["CallbackId"], question.now)
        execution.answer_callback(callback, question.now, result=question.body.decode(errors="replace"))
        return {}

    def fail(self, question: _Question) -> Members:
        error = error_of(question.body)
        execution, callback = self._store.find_callback(question.asked.labels["CallbackId"], question.now)
        execution.answer_callback(callback, question.now, error=error)
        return {}

    def heartbeat(self, question: _Question) -> Members:
        _, callback = self._store.find_callback(question.asked.labels["CallbackId"], question.now)
        callback.beat(question.now)
        return {}


def _token_key(question: _Question, members: Mapping[str, object]) -> tuple[str, str, str]:
    token = text_of(members, "ClientToken", most=64, least=1)
    return question.asked.operation, question.asked.labels["DurableExecutionArn"], token or ""


def _order(number: int, *, is_reversed: bool) -> str:
    """A key that sorts by number, or the other way round."""
    return f"{10**12 - number if is_reversed else number:013}"


def _page(asked: Asked, items: Mapping[str, T]) -> tuple[list[T], str | None]:
    return page_of(asked, items, size=_LARGEST_PAGE, most=_LARGEST_PAGE, least=0, default=_PAGE)


def _summary(execution: ScriptedExecution, status: str, epoch: float) -> Callable[[], Members]:
    return lambda: summarized(execution, status, epoch=epoch)


_ANSWERS: Mapping[str, tuple[int, Callable[[DurableAnswers, _Question], Members]]] = {
    "DeleteDurableExecution": (202, DurableAnswers.delete),
    "GetDurableExecution": (200, DurableAnswers.get),
    "GetDurableExecutionHistory": (200, DurableAnswers.get_history),
    "ListDurableExecutionsByFunction": (200, DurableAnswers.list_by_function),
    "PauseDurableExecution": (202, DurableAnswers.pause),
    "ResumeDurableExecution": (202, DurableAnswers.resume),
    "SendDurableExecutionCallbackFailure": (200, DurableAnswers.fail),
    "SendDurableExecutionCallbackHeartbeat": (200, DurableAnswers.heartbeat),
    "SendDurableExecutionCallbackSuccess": (200, DurableAnswers.succeed),
    "StopDurableExecution": (200, DurableAnswers.stop),
}
"""By operation, the status of its answer and what it answers."""
DURABLE_OPERATIONS = frozenset(_ANSWERS)
"""The names of the operations that are answered."""
