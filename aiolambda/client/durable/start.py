"""The start of a durable execution: an event that is queued once, and found again if its answer is lost.

Laws: the event is not sent again because an answer is lost; what the lookup finds under the name is taken up only if it has the
input that was sent.

Owns what happens after a lost answer. Must not know how an event is sent, or repeated.
"""

import asyncio
import json
from typing import TYPE_CHECKING, Any, cast
from uuid import uuid4

from ...errors import AiolambdaError, ClientClosedError, InvalidInputError, LambdaServiceException
from ...errors.durable import NotDurableError
from ...errors.service import DurableExecutionAlreadyStartedException
from ...operations.api.commands import GetDurableExecutionCommand, ListDurableExecutionsByFunctionCommand
from ...operations.commands import InvokeCommand
from ...operations.invoke_types import InvokeCommandInput, InvokeCommandOutput
from ...operations.payload import Payload, check_json_text
from ...pipeline.call import Call, CallNext
from ...policy import polling
from ...protocol import names
from ...protocol.durable_arn import durable_arn_of
from ...types.values import UNSET, Delivery, Timeouts, Unset
from ..pages import Items
from .poller import is_missing

if TYPE_CHECKING:
    from .questions import Questions

__all__ = ["command_of_start", "list_command", "say_how_to_follow", "start"]

_LOOKUP_LIMIT = 30.0
"""Seconds for the lookup: new executions become visible within some seconds."""
_FIRST_PAUSE = 0.5
_LARGEST_PAUSE = 8.0


def command_of_start(
    function_name: str, payload: Payload, *, name: str | None, qualifier: str | None, tenant_id: str | None
) -> InvokeCommand:
    """The command. `InvalidInputError` for a wrong name, or a function without a version or an alias."""
    try:
        names.check_function_name(function_name)
        if qualifier is None and names.qualifier_of(function_name) is None:
            raise InvalidInputError(
                "a durable execution needs a version or an alias of its function, or $LATEST: write "
                f"{function_name + ':live'!r}, or qualifier=...",
                member="qualifier",
                function_name=function_name,
            )
        if name is not None:
            names.check_pattern("durable_execution_name", name)
        return InvokeCommand(
            function_name=function_name,
            payload=check_json_text(payload, function_name),
            invocation_type="Event",
            qualifier=qualifier,
            tenant_id=tenant_id,
            durable_execution_name=uuid4().hex if name is None else name,
        )
    finally:
        del payload, tenant_id  # a traceback that is printed with locals would show them


async def start(
    questions: "Questions",
    command: InvokeCommand,
    *,
    timeout: float | Timeouts | Unset | None,
    idempotent: bool | None,
) -> str:
    """Queue the event, and return the ARN of its execution."""
    body = _Body()
    command.middleware_stack.add(body.keep, step="build", priority="low", name="durableStartMiddleware")
    input = command.input
    try:
        output = await questions.client.send(command, timeout=timeout, idempotent=idempotent)
    except DurableExecutionAlreadyStartedException:
        raise
    except AiolambdaError as error:
        if not error.may_have_run or isinstance(error, ClientClosedError):
            raise
        lost = error
    else:
        arn = output.durable_execution_arn
        if not arn:
            raise NotDurableError(
                "the event was accepted, but the function is not durable, so there is no execution to follow",
                function_name=input.function_name,
                request_id=output.metadata.request_id,
            )
        return _checked(arn, input)
    try:
        found = await _Lookup(questions, input, body.content, _limit_of(timeout, questions)).arn()
    except (_NothingFoundError, ClientClosedError) as problem:
        nothing = problem if isinstance(problem, _NothingFoundError) else _nothing_found(input, problem)
        lost.add_note(f"{nothing} If it began, {_how_to_look(input)}")
    else:
        return _checked(found, input)
    raise lost


class _Body:
    """Keeps the body of a request."""

    def __init__(self) -> None:
        self.content = b""

    async def keep(
        self, call: Call[InvokeCommandInput, InvokeCommandOutput], call_next: CallNext[InvokeCommandInput, InvokeCommandOutput]
    ) -> InvokeCommandOutput:
        self.content = call.request.body
        return await call_next(call)


class _NothingFoundError(Exception):
    """The lookup found no execution. Its text says why."""


class _Lookup:
    """Looks an execution up by its name, again and again until it is visible."""

    def __init__(self, questions: "Questions", input: InvokeCommandInput, sent: bytes, limit: float) -> None:
        self._questions, self._input, self._sent, self._limit = questions, input, sent, limit
        self._time = asyncio.get_running_loop().time
        self._end = self._time() + limit

    async def arn(self) -> str:
        """The ARN of the execution. `_NothingFoundError` if there is none, or the lookup fails."""
        pause, failure = _FIRST_PAUSE, None
        while (left := self._end - self._time()) > 0:
            try:
                async with asyncio.timeout(left):
                    found = await self._find()
                if found is not None:
                    return found
                failure = None
            except (TimeoutError, AiolambdaError) as error:
                if isinstance(error, DurableExecutionAlreadyStartedException):
                    raise
                if isinstance(error, AiolambdaError) and not polling.passes(error):
                    raise _nothing_found(self._input, error) from None
                failure = error
            await self._questions.pause(max(0.0, min(pause, self._end - self._time())))
            pause = min(2 * pause, _LARGEST_PAUSE)
        if failure is not None:
            raise _nothing_found(self._input, failure)
        name = self._input.durable_execution_name
        raise _NothingFoundError(f"A lookup of {self._limit:g} s found no durable execution {name!r}.")

    async def _find(self) -> str | None:
        """The execution that has the name. `DurableExecutionAlreadyStartedException` if it has another input."""
        input = self._input
        command = list_command(input.function_name, qualifier=input.qualifier, name=input.durable_execution_name)
        newest: tuple[Any, str] | None = None
        async for execution in Items[Any](self._questions, command, UNSET):
            if getattr(execution, "durable_execution_name", None) == input.durable_execution_name:
                found = getattr(execution, "start_timestamp", None), getattr(execution, "durable_execution_arn", None)
                if isinstance(found[1], str) and (newest is None or _is_later(found[0], newest[0])):
                    newest = cast("tuple[Any, str]", found)
        if newest is None:
            return None
        try:
            await self._check_input(newest[1])
        except LambdaServiceException as error:
            if not is_missing(error):
                raise
            return None  # it is listed already, and visible soon
        return newest[1]

    async def _check_input(self, arn: str) -> None:
        answer = await self._questions.send(GetDurableExecutionCommand(durable_execution_arn=arn, include_execution_data=True))
        if isinstance(answer.input_payload, str) and self._sent and not _is_same(answer.input_payload, self._sent):
            name = self._input.durable_execution_name
            raise DurableExecutionAlreadyStartedException(
                f"the durable execution {name!r} was started with another input; the event of this call began none",
                function_name=self._input.function_name,
                delivery=Delivery.REFUSED,
            )


def _nothing_found(input: InvokeCommandInput, error: BaseException) -> _NothingFoundError:
    said = error.code if isinstance(error, LambdaServiceException) else type(error).__name__
    return _NothingFoundError(f"The durable execution {input.durable_execution_name!r} could not be looked up: {said}.")


def _checked(arn: str, input: InvokeCommandInput) -> str:
    """The ARN of an answer. The event was accepted, so it is no `InvalidInputError` if it is none."""
    try:
        durable_arn_of(arn)
    except InvalidInputError:
        problem = "the event was accepted, but what its answer names is not the ARN of a durable execution"
    else:
        return arn
    raise AiolambdaError(problem, delivery=Delivery.ACCEPTED, function_name=input.function_name)


def list_command(
    function_name: str, *, qualifier: str | None, name: str | None = None, **members: Any
) -> ListDurableExecutionsByFunctionCommand:
    """The command that lists the executions of a function.

    The service filters by version alone, so an alias asks for all versions: the name of an execution is unique all the same.
    """
    own = names.qualifier_of(function_name)
    qualifier = qualifier or own
    bare = function_name if own is None else function_name.removesuffix(f":{own}")
    is_version = qualifier is not None and (qualifier.isdigit() or qualifier.startswith("$"))
    return ListDurableExecutionsByFunctionCommand(
        function_name=bare, qualifier=qualifier if is_version else None, durable_execution_name=name, **members
    )


def _how_to_look(input: InvokeCommandInput) -> str:
    """How a person finds the execution of an invocation."""
    function_name, name = names.plain_name_of(input.function_name), input.durable_execution_name
    return (
        f"follow it with client.durable_executions({function_name!r}, name={name!r}), or: "
        f"aiolambda durable list {function_name} --name {name}"
    )


def say_how_to_follow(error: AiolambdaError, input: InvokeCommandInput) -> None:
    """Let an error of a synchronous call say that its execution may go on, and how to find it."""
    if error.args and isinstance(error.args[0], str):
        said = f"{error.args[0]}; the durable execution {input.durable_execution_name!r} may go on: {_how_to_look(input)}"
        error.args = (said, *error.args[1:])


def _limit_of(timeout: float | Timeouts | Unset | None, questions: "Questions") -> float:
    """Seconds for the lookup: as many as the call might take, at most 30."""
    if isinstance(timeout, Unset):
        timeout = questions.config.timeout
    total = timeout.total if isinstance(timeout, Timeouts) else timeout
    return _LOOKUP_LIMIT if total is None else min(total, _LOOKUP_LIMIT)


def _is_later(time: Any, other: Any) -> bool:
    return time is not None and (other is None or time > other)


def _is_same(text: str, sent: bytes) -> bool:
    """Whether an input is the one that was sent. The service may write the same JSON in other words."""
    if text.encode("utf-8", "surrogatepass") == sent:
        return True
    try:
        return _is_equal(json.loads(text), json.loads(sent))
    except (ValueError, RecursionError):
        return False


def _is_equal(one: object, other: object) -> bool:
    """Whether two JSON values are the same. For Python, `True` would be 1."""
    if isinstance(one, dict) and isinstance(other, dict):
        members, others = cast("dict[str, object]", one), cast("dict[str, object]", other)
        return members.keys() == others.keys() and all(_is_equal(value, others[name]) for name, value in members.items())
    if isinstance(one, list) and isinstance(other, list):
        items, more = cast("list[object]", one), cast("list[object]", other)
        return len(items) == len(more) and all(map(_is_equal, items, more))
    return one == other and isinstance(one, bool) == isinstance(other, bool)
