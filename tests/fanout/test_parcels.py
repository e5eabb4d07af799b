"""Commands and outcomes that cross to another process: they arrive as they were, and what cannot cross says why."""

import asyncio
import io
import json
import pickle
import sys
import threading
from types import ModuleType
from typing import Any

import pytest

from aiolambda import (
    AiolambdaError,
    Attempt,
    Call,
    ConnectionLostError,
    Delivery,
    FunctionError,
    InvalidInputError,
    InvokeCommand,
    InvokeCommandOutput,
    LambdaClient,
    LambdaServiceException,
    Metadata,
)
from aiolambda.codecs import JsonCodec
from aiolambda.fanout.parcels import command_of, outcome_of, packed_command, packed_outcome
from aiolambda.operations.fetch_command import FetchCommand
from aiolambda.operations.fetch_types import HttpHeaders, HttpOutput
from aiolambda.testing import FakeTransport
from aiolambda.types.http import Headers, headers_of_pairs


class UpperCodec(JsonCodec):
    """Encodes text in capitals, and says what it was asked to decode."""

    def encode(self, value: object, /) -> bytes:
        return super().encode(value).upper()

    def decode(self, data: bytes, type: type[Any], /) -> Any:
        return "decoded by the client's codec", type, data


class OwnCommand(InvokeCommand):
    """A command class of a program."""

    __slots__ = ("note",)


JSON = JsonCodec()


async def passing(call: Call[Any, Any], call_next: Any) -> Any:
    return await call_next(call)


def there_and_back(value: Any) -> Any:
    return pickle.loads(pickle.dumps(value))


def sent(command: Any, codec: Any = JSON) -> Any:
    return command_of(there_and_back(packed_command(command, codec)))


def arrived(output: Any, error: Any = None, codec: Any = JSON) -> Any:
    return outcome_of(there_and_back(packed_outcome(output, error)), codec)


METADATA = Metadata(
    http_status_code=200,
    request_id="an-id",
    trace_id="Root=1",
    headers=Headers({"X-Amzn-RequestId": "an-id"}),
    attempts=2,
    total_retry_delay=0.5,
    hedge="won",
    history=(
        Attempt(delivery=Delivery.REFUSED, duration=0.1, status_code=429),
        Attempt(delivery=Delivery.EXECUTED, duration=0.2, status_code=200),
    ),
)


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        pytest.param(None, None, id="none"),
        pytest.param(b"", b"", id="no-bytes"),
        pytest.param(b"\xff\x00", b"\xff\x00", id="not-utf-8"),
        pytest.param(bytearray(b"{}"), b"{}", id="buffer"),
        pytest.param('{"a": 1}', b'{"a": 1}', id="text"),
        pytest.param({"a": "ö\r\n🙂"}, json.dumps({"a": "ö\r\n🙂"}, ensure_ascii=False).encode(), id="value"),
    ],
)
def test_payload_travels_encoded(payload: Any, expected: bytes | None) -> None:
    command = sent(InvokeCommand(function_name="orders", payload=payload))
    content = command.input.payload
    if expected is not None and isinstance(payload, dict):
        assert json.loads(content) == payload
    else:
        assert content == expected
    assert type(content) in (bytes, type(None))


@pytest.mark.parametrize("idempotent", [None, True, False], ids=["unsaid", "idempotent", "not"])
def test_every_member_arrives(idempotent: bool | None) -> None:
    given = InvokeCommand(
        function_name="arn:aws:lambda:eu-west-1:123456789012:function:a/../b",
        payload=b"1",
        invocation_type="Event",
        log_type="Tail",
        client_context="e30=",
        qualifier="live",
        tenant_id="blue",
        durable_execution_name="name",
        idempotent=idempotent,
    )
    command = sent(given)
    assert type(command) is InvokeCommand
    assert command.input == given.input
    assert command.idempotent is idempotent


def test_codec_of_client_encodes_once() -> None:
    assert sent(InvokeCommand(function_name="f", payload={"a": "b"}), UpperCodec()).input.payload == b'{"A":"B"}'


def test_mapping_as_context_arrives() -> None:
    context = {"custom": {"user": "a"}}
    command = sent(InvokeCommand(function_name="f", payload={"a": 1}, client_context=context))
    assert command.input.client_context == context
    assert json.loads(command.input.payload) == {"a": 1}


def test_command_class_of_a_program_arrives() -> None:
    given = OwnCommand(function_name="f", payload=[1])
    given.note = "kept"
    command = sent(given)
    assert type(command) is OwnCommand
    assert (command.note, command.input.payload) == ("kept", b"[1]")


def test_middlewares_of_a_command_arrive() -> None:
    given = InvokeCommand(function_name="f", payload={})
    given.middleware_stack.add(passing, step="build", name="passing")
    command = sent(given)
    assert "passing" in command.middleware_stack


def test_used_command_arrives_without_its_fold() -> None:
    async def send_it() -> Any:
        given = InvokeCommand(function_name="f", payload={"a": 1})
        given.middleware_stack.add(passing, step="build", name="passing")
        async with LambdaClient(transport=FakeTransport({"f": lambda event: event})) as client:
            await client.send(given)
            return (await client.send(sent(given))).json()

    assert asyncio.run(send_it()) == {"a": 1}


def test_fetch_travels_with_its_body() -> None:
    given = FetchCommand(url="https://example.com/a?b=c", method="POST", json={"a": "b"}, headers={"x-a": "1"})
    command = sent(given, UpperCodec())
    assert type(command) is FetchCommand
    assert (command.input.content, command.input.json) == (b'{"A":"B"}', None)
    assert command.input.headers == {"x-a": "1", "content-type": "application/json"}


def test_fetch_keeps_its_content_type() -> None:
    given = FetchCommand(url="https://example.com/", method="PUT", json=1, headers={"Content-Type": "application/x"})
    assert sent(given).input.headers == {"Content-Type": "application/x"}


def test_open_file_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="open file, which another process cannot read: pass its bytes") as caught:
        packed_command(InvokeCommand(function_name="orders", payload=io.BytesIO(b"{}")), JsonCodec())
    assert caught.value.function_name == "orders"
    assert not caught.value.may_have_run


def test_unencodable_payload_is_refused_unquoted() -> None:
    with pytest.raises(InvalidInputError, match="payload cannot be encoded") as caught:
        packed_command(InvokeCommand(function_name="orders", payload={"secret": object()}), JsonCodec())
    assert "secret" not in str(caught.value)


def test_lock_in_a_command_is_refused() -> None:
    given = OwnCommand(function_name="f")
    given.note = threading.Lock()
    with pytest.raises(InvalidInputError, match=r"OwnCommand cannot be sent by another process: cannot pickle '_thread.lock'"):
        packed_command(given, JsonCodec())


def test_lambda_as_middleware_is_refused() -> None:
    async def local(call: Call[Any, Any], call_next: Any) -> Any:
        return await call_next(call)

    given = InvokeCommand(function_name="f")
    given.middleware_stack.add(local)
    with pytest.raises(InvalidInputError, match="defined inside a function; define it in a module"):
        packed_command(given, JsonCodec())


def test_names_of_main_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    main = ModuleType("__main__")
    monkeypatch.setitem(sys.modules, "__main__", main)
    monkeypatch.setattr(passing, "__module__", "__main__")
    given = InvokeCommand(function_name="f")
    given.middleware_stack.add(passing)
    with pytest.raises(InvalidInputError, match="passing is defined in __main__; move it to a module"):
        packed_command(given, JsonCodec())


def test_output_arrives_whole() -> None:
    given = InvokeCommandOutput(
        status_code=200,
        function_error="Unhandled",
        log_result="bG9n",
        payload=b'{"errorType": "Broken"}',
        executed_version="7",
        durable_execution_arn="arn",
        metadata=METADATA,
        function_name="orders",
        invocation_type="RequestResponse",
    )
    output, error = arrived(given)
    assert (output, error) == (given, None)
    assert output.metadata == METADATA
    assert output.metadata.headers["x-amzn-requestid"] == "an-id"
    with pytest.raises(FunctionError, match="orders"):
        output.raise_for_function_error()


def test_output_decodes_with_the_clients_codec() -> None:
    output, _ = arrived(InvokeCommandOutput(status_code=200, payload=b"1", metadata=METADATA), codec=UpperCodec())
    assert output.decode(int) == ("decoded by the client's codec", int, b"1")
    assert output.json() == 1


def test_response_arrives_with_its_codec() -> None:
    headers = HttpHeaders(headers_of_pairs([("set-cookie", "a=1"), ("set-cookie", "b=2")]))
    given = HttpOutput(status_code=500, headers=headers, content=b"\xff", metadata=METADATA, function_name="host")
    output, _ = arrived(given, codec=UpperCodec())
    assert output == given
    assert output.headers.get_all("set-cookie") == ["a=1", "b=2"]
    assert output.decode(int)[0] == "decoded by the client's codec"


def test_error_arrives_with_its_facts() -> None:
    given = ConnectionLostError("gone", function_name="orders", request_id="an-id")
    given.history = METADATA.history
    given.add_note("a note")
    output, error = arrived(None, given)
    assert output is None
    assert (type(error), str(error), error.delivery, error.history) == (
        ConnectionLostError,
        str(given),
        Delivery.UNKNOWN,
        METADATA.history,
    )
    assert error.__notes__ == ["a note"]


def test_refusal_arrives_with_its_code() -> None:
    async def refused() -> AiolambdaError:
        async with LambdaClient(transport=FakeTransport({})) as client:
            with pytest.raises(LambdaServiceException) as caught:
                await client.invoke("orders")
            return caught.value

    given: Any = asyncio.run(refused())
    _, error = arrived(None, given)
    assert (type(error), error.code, error.metadata.attempts) == (type(given), given.code, given.metadata.attempts)


def test_error_that_does_not_pickle_keeps_its_verdict() -> None:
    given = AiolambdaError("a text", delivery=Delivery.EXECUTED, function_name="orders")
    given.__dict__["handle"] = threading.Lock()
    _, error = arrived(None, given)
    assert (error.delivery, error.function_name) == (Delivery.EXECUTED, "orders")
    assert "AiolambdaError" in str(error)


class Unloadable:
    """Pickles, and cannot be loaded."""

    def __reduce__(self) -> tuple[Any, ...]:
        return int, ("not a number",)


def test_error_that_cannot_be_loaded_keeps_its_verdict() -> None:
    given = ConnectionLostError("gone", function_name="orders")
    given.__dict__["part"] = Unloadable()
    _, error = arrived(None, given)
    assert (error.delivery, error.function_name, error.may_have_run) == (Delivery.UNKNOWN, "orders", True)
    assert "ConnectionLostError" in str(error)


def test_output_of_a_middleware_that_does_not_pickle() -> None:
    _, error = arrived(threading.Lock())
    assert error.delivery is Delivery.UNKNOWN
    assert "of the class lock, cannot leave its process" in str(error)
