"""`only=` narrows a middleware to some commands: for these it stands in its place, and the others pass it by."""

import logging
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from aiolambda import (
    InvokeCommand,
    InvokeCommandInput,
    InvokeWithResponseStreamCommand,
    LambdaClient,
    MiddlewareStack,
    MiddlewareStackError,
)
from aiolambda.testing import FakeTransport

Stack = MiddlewareStack[Any, Any]


class AuditedCommand(InvokeCommand):
    """A class of a user's own."""

    __slots__ = ()


INVOKE = InvokeCommand(function_name="orders")
STREAM = InvokeWithResponseStreamCommand(function_name="writer")
AUDITED = AuditedCommand(function_name="orders")


def noting(label: str, notes: list[str]) -> Any:
    async def middleware(call: Any, call_next: Any) -> Any:
        notes.append(label)
        return await call_next(call)

    return middleware


async def passed(client: LambdaClient, notes: list[str], command: Any) -> list[str]:
    """The labels of the middlewares that this command passes, in order."""
    notes.clear()
    output = await client.send(command)
    if command is STREAM:
        await output.event_stream.read()
    return notes.copy()


@pytest.fixture
def notes() -> list[str]:
    return []


@pytest.fixture
async def client() -> AsyncGenerator[LambdaClient]:
    async def write(event: object) -> AsyncGenerator[bytes]:
        yield b"tea"

    async with LambdaClient(transport=FakeTransport({"orders": lambda event: event, "writer": write})) as client:
        yield client


async def test_other_commands_pass_a_narrowed_middleware_by(client: LambdaClient, notes: list[str]) -> None:
    client.middleware_stack.add(noting("all", notes))
    client.middleware_stack.add(noting("invoke", notes), only=InvokeCommand)
    client.middleware_stack.add(noting("stream", notes), only=InvokeWithResponseStreamCommand)
    client.middleware_stack.add(noting("both", notes), only=(InvokeCommand, InvokeWithResponseStreamCommand))
    client.middleware_stack.add(noting("audited", notes), only=AuditedCommand)
    for _ in range(2):  # the second time from the folds that were kept
        assert await passed(client, notes, INVOKE) == ["all", "invoke", "both"]
        assert await passed(client, notes, STREAM) == ["all", "stream", "both"]
        assert await passed(client, notes, AUDITED) == ["all", "invoke", "both", "audited"]


async def test_a_narrowed_middleware_may_stand_at_every_place(client: LambdaClient, notes: list[str]) -> None:
    for step in ("initialize", "serialize", "build", "finalize", "deserialize"):
        client.middleware_stack.add(noting(step, notes), step=step, only=InvokeCommand)  # type: ignore[call-overload]
    client.middleware_stack.add_relative_to(
        noting("signed", notes), relation="after", to_middleware="httpSigningMiddleware", only=InvokeCommand
    )
    expected = ["initialize", "serialize", "build", "finalize", "signed", "deserialize"]
    assert await passed(client, notes, INVOKE) == expected
    assert await passed(client, notes, STREAM) == []


async def test_a_follower_keeps_its_place_without_its_anchor(client: LambdaClient, notes: list[str]) -> None:
    stack = client.middleware_stack
    stack.add(noting("first", notes))
    stack.add(noting("anchor", notes), name="anchor", only=InvokeCommand)
    stack.add(noting("last", notes))
    stack.add_relative_to(noting("before", notes), relation="before", to_middleware="anchor")
    stack.add_relative_to(noting("after", notes), relation="after", to_middleware="anchor")
    assert await passed(client, notes, INVOKE) == ["first", "before", "anchor", "after", "last"]
    assert await passed(client, notes, STREAM) == ["first", "before", "after", "last"]


async def test_a_change_is_seen_by_each_class_of_commands(client: LambdaClient, notes: list[str]) -> None:
    client.middleware_stack.add(noting("one", notes), name="one", only=InvokeCommand)
    assert await passed(client, notes, INVOKE) == ["one"]
    assert await passed(client, notes, STREAM) == []
    client.middleware_stack.remove("one")
    client.middleware_stack.add(noting("two", notes), only=InvokeWithResponseStreamCommand)
    assert await passed(client, notes, INVOKE) == []
    assert await passed(client, notes, STREAM) == ["two"]


async def test_a_command_may_narrow_its_own_middleware(client: LambdaClient, notes: list[str]) -> None:
    command = AuditedCommand(function_name="orders")
    command.middleware_stack.add(noting("invoke", notes), only=InvokeCommand)
    command.middleware_stack.add(noting("stream", notes), only=InvokeWithResponseStreamCommand)
    assert await passed(client, notes, command) == ["invoke"]


async def test_commands_of_a_class_share_a_fold(client: LambdaClient) -> None:
    stack: Any = client.middleware_stack
    stack.add(noting("invoke", []), only=InvokeCommand)
    stack.add(noting("stream", []), only=InvokeWithResponseStreamCommand)
    before = len(stack)

    async def end(call: Any) -> None: ...

    def chain(command: Any) -> object:
        return stack.fold_for(type(command), command.middleware_stack, end).chain

    invoke, stream = chain(INVOKE), chain(STREAM)
    assert chain(InvokeCommand(function_name="other")) is invoke
    assert chain(STREAM) is stream
    assert stream is not invoke
    stack.remove_by_tag("RETRY")
    assert len(stack) == before - 1
    assert chain(INVOKE) is not invoke


async def test_a_stack_resolved_by_hand_looks_at_each_call(notes: list[str]) -> None:
    class Sent:
        def __init__(self, command: Any) -> None:
            self.command = command

    async def end(call: Any) -> None: ...

    stack: Stack = MiddlewareStack()
    stack.add(noting("all", notes))
    stack.add(noting("invoke", notes), only=InvokeCommand)
    chain: Any = stack.resolve(end)
    await chain(Sent(STREAM))
    assert notes == ["all"]
    await chain(Sent(INVOKE))
    assert notes == ["all", "all", "invoke"]


@pytest.mark.parametrize("joined", [lambda _, b: b.clone(), lambda a, b: a.concat(b), lambda a, b: a.use(b) or a])
async def test_joining_and_cloning_keep_the_commands(joined: Any, client: LambdaClient, notes: list[str]) -> None:
    narrowed: Stack = MiddlewareStack()
    narrowed.add(noting("invoke", notes), name="mine", only=InvokeCommand)
    stack = joined(MiddlewareStack(), narrowed)
    assert stack.identify() == ["mine - initialize - only InvokeCommand"]
    client.middleware_stack.use(stack)
    assert await passed(client, notes, STREAM) == []
    assert await passed(client, notes, INVOKE) == ["invoke"]


def test_a_printed_stack_shows_the_commands() -> None:
    stack: Stack = MiddlewareStack()
    stack.add(noting("", []), name="cache", step="build", only=InvokeCommand)
    stack.add_relative_to(
        noting("", []),
        relation="after",
        to_middleware="cache",
        name="notes",
        only=(InvokeCommand, InvokeWithResponseStreamCommand),
    )
    assert stack.identify() == [
        "cache - build - only InvokeCommand",
        "notes - after cache - only InvokeCommand, InvokeWithResponseStreamCommand",
    ]
    assert str(stack).splitlines()[1:] == [
        "  build",
        "    cache   only InvokeCommand",
        "    notes   after cache, only InvokeCommand, InvokeWithResponseStreamCommand",
    ]
    assert stack.remove("notes")
    assert stack.remove("cache")


@pytest.mark.parametrize(
    ("only", "shown"),
    [
        (InvokeCommandInput, "and InvokeCommandInput is none: a command class has an `operation`"),
        (INVOKE, "and InvokeCommand\\(.*\\) is none"),
        ("InvokeCommand", "and 'InvokeCommand' is none"),
        ((InvokeCommand, int), "and int is none"),
        ((), "is for no command; name a command class, such as InvokeCommand, or leave it out"),
    ],
)
def test_a_wrong_only_is_refused_by_its_name(only: Any, shown: str) -> None:
    stack: Stack = MiddlewareStack()
    with pytest.raises(MiddlewareStackError, match=f"only=.* {shown}"):
        stack.add(noting("", []), only=only)
    with pytest.raises(MiddlewareStackError, match=shown):
        stack.add_relative_to(noting("", []), relation="after", to_middleware="x", only=only)
    assert len(stack) == 0


def test_an_override_for_fewer_commands_is_refused() -> None:
    """The other commands would lose the middleware, and get nothing instead: a stream would not be signed."""
    stack: Stack = MiddlewareStack()
    stack.add(noting("", []), name="all")
    stack.add(noting("", []), name="both", only=(InvokeCommand, InvokeWithResponseStreamCommand))
    with pytest.raises(MiddlewareStackError, match=r"'all' \(only InvokeCommand\) cannot override 'all' \(every command\)"):
        stack.add(noting("", []), name="all", override=True, only=InvokeCommand)
    with pytest.raises(MiddlewareStackError, match=r"cannot override 'both' \(only InvokeCommand, Invoke"):
        stack.add(noting("", []), name="both", override=True, only=AuditedCommand)
    stack.add(noting("", []), name="both", override=True, only=(InvokeWithResponseStreamCommand, InvokeCommand))
    stack.add(noting("", []), name="both", override=True)
    assert stack.identify() == ["all - initialize", "both - initialize"]


async def test_the_stack_is_logged_for_each_class(client: LambdaClient, notes: list[str], caplog: Any) -> None:
    client.middleware_stack.identify_on_resolve(True)
    with caplog.at_level(logging.INFO, logger="aiolambda.pipeline.stack"):
        for command in (INVOKE, INVOKE, STREAM):
            await passed(client, notes, command)
    assert caplog.messages == [str(client.middleware_stack)] * 2
