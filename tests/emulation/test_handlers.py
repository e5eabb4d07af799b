"""Python callables as handlers: their arguments, results and errors."""

import asyncio
import functools
import json
import sys
import threading
from collections.abc import AsyncGenerator, Callable, Generator
from unittest.mock import AsyncMock, Mock

import pytest

from aiolambda.emulation.handlers import HandlerFailed, pieces_of, takes_context
from aiolambda.emulation.printed_output import following_output
from aiolambda.emulation.python_runtime import LambdaContext

# ruff: noqa: ARG005, T201 - handlers take arguments and print


def context() -> LambdaContext:
    names = ["function_name", "function_version", "invoked_function_arn", "memory_limit_in_mb", "log_group_name"]
    return LambdaContext(aws_request_id="id-1", log_stream_name="s", deadline=0.0, **dict.fromkeys(names, "x"))


async def run(handler: Callable[..., object], payload: bytes = b'{"a": 1}') -> list[bytes]:
    return [piece async for piece in pieces_of(handler, payload, context(), with_context=takes_context(handler))]


async def failure_of(handler: Callable[..., object]) -> tuple[str | None, str]:
    with pytest.raises(HandlerFailed) as raised:
        await run(handler)
    return raised.value.response.error_type, json.loads(raised.value.response.payload)["errorMessage"]


class Orders:
    def of_event(self, event: object) -> object: ...
    def of_both(self, event: object, context: object) -> object: ...
    def __call__(self, event: object, context: object) -> object: ...


def three(event: object, context: object, table: object) -> object: ...


HANDLERS: dict[str, tuple[Callable[..., object], bool]] = {
    "event": (lambda event: event, False),
    "both": (lambda event, context: event, True),
    "other name": (lambda event, _: event, True),
    "context with a default": (lambda event, context=None: event, True),
    "another default": (lambda event, n=1: event, False),
    "keyword only": (lambda event, *, context=None: event, False),
    "any": (lambda *args: args[0], True),
    "event and any": (lambda event, *rest: event, True),
    "bound method of the event": (Orders().of_event, False),
    "bound method of both": (Orders().of_both, True),
    "callable object": (Orders(), True),
    "partial that fills the first": (functools.partial(three, 1), True),
    "partial that names the last": (functools.partial(three, table=1), True),
    "partial that leaves the event": (functools.partial(three, context=1, table=1), False),
    "built-in type": (dict, False),
    "built-in function": (len, False),
    "mock": (Mock(), True),
    "asynchronous mock": (AsyncMock(), True),
    "mock of a function": (Mock(spec=lambda event: event), False),
}


@pytest.mark.parametrize("name", HANDLERS)
def test_a_handler_gets_the_context_if_it_takes_one(name: str) -> None:
    handler, expected = HANDLERS[name]
    assert takes_context(handler) is expected


async def test_a_mock_is_called_as_on_lambda() -> None:
    mock = Mock(return_value={"b": 2})
    assert await run(mock) == [b'{"b": 2}']
    ((event, given),) = [call.args for call in mock.call_args_list]
    assert (event, given.aws_request_id) == ({"a": 1}, "id-1")
    assert await run(AsyncMock(return_value=None)) == [b"null"]


async def test_an_absent_payload_is_an_empty_object() -> None:
    assert await run(lambda event: event, b"") == [b"{}"]


async def test_a_result_is_text_bytes_or_a_future() -> None:
    async def later(event: object) -> object:
        await asyncio.sleep(0)
        return event

    def future(event: object) -> object:
        return asyncio.ensure_future(later(event))

    assert await run(later) == await run(future) == [b'{"a": 1}']
    assert await run(lambda event: b"as \xff it is") == [b"as \xff it is"]


async def test_a_generator_yields_pieces_and_is_closed() -> None:
    closed: list[str] = []

    def plain(event: object) -> Generator[object]:
        try:
            yield "é"
            yield b"b"
        finally:
            closed.append("plain")

    async def later(event: object) -> AsyncGenerator[object]:
        try:
            for piece in plain(event):
                yield piece
        finally:
            closed.append("later")

    assert await run(plain) == await run(later) == ["é".encode(), b"b"]
    pieces = pieces_of(plain, b"{}", context(), with_context=False)
    await anext(pieces)
    await pieces.aclose()
    assert closed == ["plain", "plain", "later", "plain"]


def quits(code: object) -> Callable[[object], object]:
    return lambda event: sys.exit(code)  # type: ignore[arg-type]


class NoText(Exception):
    def __str__(self) -> str:
        raise KeyError


def raises(kind: type[Exception], *args: object) -> Callable[[object], object]:
    def handler(event: object) -> object:
        raise kind(*args)

    return handler


EXIT = "RequestId: id-1 Error: Runtime exited "
FAILURES: dict[str, tuple[Callable[..., object], str, str]] = {
    "raised": (raises(ValueError, "no tea"), "ValueError", "no tea"),
    "without text": (raises(ValueError), "ValueError", ""),
    "StopIteration": (raises(StopIteration, "over"), "StopIteration", "over"),
    "StopAsyncIteration": (raises(StopAsyncIteration, "over"), "StopAsyncIteration", "over"),
    "exit": (quits(None), "Runtime.ExitError", f"{EXIT}without providing a reason"),
    "exit status": (quits(3), "Runtime.ExitError", f"{EXIT}with error: exit status 3"),
    "exit text": (quits("no"), "Runtime.ExitError", f"{EXIT}with error: exit status 1"),
    "exit by a number that is too large": (quits(-1), "Runtime.ExitError", f"{EXIT}with error: exit status 255"),
    "failing text": (raises(NoText), "Runtime.ExitError", f"{EXIT}with error: exit status 1"),
    "surrogate": (raises(ValueError, "\ud800"), "Runtime.ExitError", f"{EXIT}with error: exit status 1"),
    "set": (
        lambda event: {1},
        "Runtime.MarshalError",
        "Unable to marshal response: Object of type set is not JSON serializable",
    ),
    "piece": (
        lambda event: (piece for piece in [1]),
        "Runtime.MarshalError",
        "Unable to marshal response: a generator must yield bytes or str, not int",
    ),
    "surrogate in a piece": (
        lambda event: (piece for piece in ["\ud800"]),
        "Runtime.ExitError",
        f"{EXIT}with error: exit status 1",
    ),
}


@pytest.mark.parametrize("name", FAILURES)
async def test_a_failure_is_that_of_lambda(name: str) -> None:
    handler, error_type, message = FAILURES[name]
    assert await failure_of(handler) == (error_type, message)


async def test_the_trace_begins_with_the_handler() -> None:
    with pytest.raises(HandlerFailed) as raised:
        await run(raises(ValueError, "no tea"))
    (frame,) = json.loads(raised.value.response.payload)["stackTrace"]
    assert f'File "{__file__}"' in frame
    assert "in handler" in frame
    assert type(raised.value.error) is ValueError


@pytest.mark.parametrize("kind", [KeyboardInterrupt, asyncio.CancelledError])
async def test_an_interrupt_passes_through(kind: type[BaseException]) -> None:
    def handler(event: object) -> object:
        raise kind

    with pytest.raises(kind):
        await run(handler)


# What a handler prints


async def test_printed_text_is_followed_for_each_task(capsys: pytest.CaptureFixture[str]) -> None:
    async def prints(name: str, heard: list[str]) -> None:
        with following_output(heard.append):
            for _ in range(3):
                print(name)
                print(name, file=sys.stderr)
                await asyncio.sleep(0)

    stdout, heard = sys.stdout, [list[str]() for _ in range(5)]
    await asyncio.gather(*(prints(f"task {number}", lines) for number, lines in enumerate(heard)))
    assert ["".join(lines) for lines in heard] == [f"task {number}\n" * 6 for number in range(5)]
    assert sys.stdout is stdout
    captured = capsys.readouterr()
    assert (captured.out.count("task"), captured.err.count("task")) == (15, 15)


def test_threads_are_followed_apart(capsys: pytest.CaptureFixture[str]) -> None:
    heard = [list[str]() for _ in range(4)]
    together = threading.Barrier(len(heard))

    def prints(number: int) -> None:
        with following_output(heard[number].append):
            together.wait()
            for _ in range(50):
                print(number)
            sys.stdout.writelines(["end\n"])
            sys.stdout.flush()
            together.wait()

    threads = [threading.Thread(target=prints, args=(number,)) for number in range(len(heard))]
    stdout = sys.stdout
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sys.stdout is stdout
    assert ["".join(lines) for lines in heard] == [f"{number}\n" * 50 + "end\n" for number in range(4)]
    print("not followed")
    assert capsys.readouterr().out.endswith("not followed\n")
