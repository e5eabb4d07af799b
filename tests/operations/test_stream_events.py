"""The events of a stream: which of them end it, which may be passed over, and which make it an error; botocore beside us."""

import json
import pickle
import uuid
from typing import Any

import botocore.session
import pytest
from botocore.eventstream import EventStream
from botocore.parsers import create_parser
from hypothesis import given
from hypothesis import strategies as st

from aiolambda import FunctionError, HttpPrelude, StreamError
from aiolambda.operations import stream_events
from aiolambda.operations.stream_events import ResponseEvents
from aiolambda.operations.text_formats import PreludeError, prelude_of
from aiolambda.protocol import eventstream
from aiolambda.protocol.eventstream import Header, Short, Timestamp

EVENT = {":message-type": "event"}
COMPLETE = EVENT | {":event-type": "InvokeComplete", ":content-type": "application/json"}
MODEL = botocore.session.Session().get_service_model("lambda").operation_model("InvokeWithResponseStream").output_shape
SHAPE = MODEL.members["EventStream"]


def events_of(*frames: bytes) -> ResponseEvents:
    reading = ResponseEvents(content_type=stream_events.CONTENT_TYPE, function_name="writer", request_id="the-id")
    reading.receive(b"".join(frames))
    return reading


def read(*frames: bytes) -> list[bytes]:
    """The chunks of a whole stream."""
    reading = events_of(*frames)
    chunks = list(reading.chunks())
    reading.end()
    return chunks


def failure(*frames: bytes) -> StreamError:
    """The error of a stream, which does not hide that a chunk came before it."""
    with pytest.raises(StreamError) as raised:
        read(stream_events.chunk_event(b"one"), *frames, stream_events.completion_event())
    assert (raised.value.received_bytes, raised.value.received_chunks) == (3, 1)
    return raised.value


class Body:
    """The raw stream that botocore reads."""

    def __init__(self, data: bytes) -> None:
        self.stream = lambda: iter([data])

    def close(self) -> None:
        pass


def by_botocore(frame: bytes) -> dict[str, Any]:
    """The event that botocore parses from a frame, by its model of the answer; none if it skips the frame."""
    parser = create_parser("rest-json")._event_stream_parser
    return next(iter(EventStream(Body(frame), SHAPE, parser, "InvokeWithResponseStream")), {})


ODD: list[Header] = [b"InvokeComplete", b"PayloadChunk", True, False, 0, 7, Short(7), Timestamp(7), uuid.UUID(int=7), "", b""]


@pytest.mark.parametrize("name", ODD, ids=repr)
def test_event_name_must_be_text(name: Header) -> None:
    assert "an event has no name" in str(failure(eventstream.encode(EVENT | {":event-type": name}, b"two")))


def test_an_event_without_a_name_is_an_error() -> None:
    assert "an event has no name" in str(failure(eventstream.encode(EVENT, b"two")))


@pytest.mark.parametrize("kind", [b"event", "", "Event", True, 1, "message"], ids=repr)
def test_unknown_message_type_is_an_error(kind: Header) -> None:
    headers = {":message-type": kind, ":event-type": "PayloadChunk"}
    assert "neither event, exception nor error" in str(failure(eventstream.encode(headers, b"two")))


def test_unknown_event_type_is_ignored() -> None:
    later = [
        eventstream.encode(EVENT | {":event-type": name}, b"{") for name in ("Progress", "payloadchunk", "initial-response")
    ]
    assert read(stream_events.chunk_event(b"1"), *later, stream_events.chunk_event(b"2"), stream_events.completion_event()) == [
        b"1",
        b"2",
    ]


def test_exception_type_is_the_error_code() -> None:
    headers = {":message-type": "exception", ":exception-type": "ThrottlingException", ":content-type": "application/json"}
    error = failure(eventstream.encode(headers, b'{"message":"too much"}'))
    assert error.code == "ThrottlingException"
    assert str(error).startswith("Lambda ended the stream with ThrottlingException: too much")
    assert pickle.loads(pickle.dumps(error)).code == "ThrottlingException"


@pytest.mark.parametrize("payload", [b"", b"no json", b"[]", b'{"message":7}', b'{"other":"SECRET"}', b"[" * 100_000])
def test_exception_without_message_keeps_its_code(payload: bytes) -> None:
    error = failure(eventstream.encode({":message-type": "exception", ":exception-type": "Broken"}, payload))
    assert (error.code, str(error).split(" (")[0]) == ("Broken", "Lambda ended the stream with Broken")


@pytest.mark.parametrize("name", [None, *ODD], ids=repr)
@pytest.mark.parametrize("header", [("exception", ":exception-type"), ("error", ":error-code")], ids=lambda header: header[0])
def test_unnamed_exception_has_no_code(header: tuple[str, str], name: Header | None) -> None:
    named = {} if name is None else {header[1]: name}
    error = failure(eventstream.encode({":message-type": header[0], **named}))
    assert error.code is None
    assert str(error).startswith("Lambda ended the stream with an error")


def test_an_errors_code_and_message_are_those_of_botocore() -> None:
    frame = eventstream.encode(
        {":message-type": "error", ":error-code": "InternalFailure", ":error-message": "it broke"}, b"ignored"
    )
    with pytest.raises(Exception, match="InternalFailure") as theirs:
        by_botocore(frame)
    error = failure(frame)
    assert error.code == theirs.value.response["Error"]["Code"]
    assert theirs.value.response["Error"]["Message"] in str(error)


def test_other_stream_errors_have_no_code() -> None:
    assert failure(stream_events.completion_event(), stream_events.chunk_event(b"two")).code is None
    with pytest.raises(StreamError) as raised:
        read(stream_events.chunk_event(b"one"))
    assert raised.value.code is None


@pytest.mark.parametrize(
    "payload",
    [
        b"{",
        b"null",
        b"[]",
        b'"InvokeComplete"',
        b"\xff",
        b"[" * 100_000,
        *(
            json.dumps({member: value}).encode()
            for member in ("ErrorCode", "ErrorDetails", "LogResult")
            for value in (0, 7, False, True, [], ["x"], {}, {"a": 1})
        ),
    ],
)
def test_unreadable_completion_is_an_error(payload: bytes) -> None:
    with pytest.raises(StreamError, match="InvokeComplete cannot be read"):
        read(stream_events.chunk_event(b"one"), eventstream.encode(COMPLETE, payload))


@pytest.mark.parametrize(
    "payload", [b"", b"{}", b'{"ErrorCode":null}', b'{"ErrorCode":"","ErrorDetails":""}', b'{"Later":[1]}']
)
def test_completion_without_error_is_success(payload: bytes) -> None:
    reading = events_of(stream_events.chunk_event(b"one"), eventstream.encode(COMPLETE, payload))
    assert list(reading.chunks()) == [b"one"]
    reading.end()
    assert reading.function_error is None


@pytest.mark.parametrize(
    "behind",
    [
        stream_events.completion_event(),
        stream_events.chunk_event(b""),
        eventstream.encode(EVENT | {":event-type": "Progress"}),
        eventstream.encode({":message-type": "exception", ":exception-type": "Late"}),
        b"\0",
    ],
)
@pytest.mark.parametrize("together", [True, False])
def test_bytes_after_the_completion_are_an_error(behind: bytes, together: bool) -> None:
    reading = events_of(stream_events.completion_event() + behind * together)
    with pytest.raises(StreamError, match=f"{len(behind)} bytes came after InvokeComplete"):
        list(reading.chunks())
        reading.receive(behind)


NAMES = st.sampled_from(["PayloadChunk", "InvokeComplete", "Progress", "", *ODD])
KINDS = st.sampled_from(["event", "exception", "error", "other", b"event", True])
PAYLOADS = st.sampled_from([b"", b"{}", b"tea", b'{"ErrorCode":"Handled","ErrorDetails":"d","LogResult":"bG9n"}'])


@given(
    st.fixed_dictionaries(
        {}, optional={":message-type": KINDS, ":event-type": NAMES, ":exception-type": NAMES, ":error-code": NAMES}
    ),
    PAYLOADS,
)
def test_chunks_and_ends_are_those_of_botocore(headers: dict[str, Header], payload: bytes) -> None:
    """botocore does not look at the kind of a message, so only events are compared."""
    frame = eventstream.encode(headers, payload)
    reading = events_of(frame)
    try:
        chunks = list(reading.chunks())
    except StreamError:
        is_named = isinstance(headers.get(":event-type"), str) and headers.get(":event-type")
        is_unreadable = headers.get(":event-type") == "InvokeComplete" and payload == b"tea"
        assert headers.get(":message-type") != "event" or not is_named or is_unreadable
        return
    theirs = by_botocore(frame)
    assert chunks == ([theirs["PayloadChunk"]["Payload"]] if "PayloadChunk" in theirs else [])
    assert (reading.completion is not None) == ("InvokeComplete" in theirs)
    if reading.completion is not None:
        said = theirs["InvokeComplete"]
        assert (reading.completion.error_code, reading.completion.log_result) == (said.get("ErrorCode"), said.get("LogResult"))
        assert isinstance(reading.function_error, FunctionError) == ("ErrorCode" in said)


# --- the head of an answer for HTTP ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("head", "says"),
    [
        ({"headers": {"x-a": ["1", "2"]}}, "a header's value must be a string, not list"),
        ({"headers": {"x-a": 7}}, "a header's value must be a string, not int"),
        ({"headers": {"x-a": None}}, "a header's value must be a string, not NoneType"),
        ({"headers": {"x-a": {"SECRET": 1}}}, "a header's value must be a string, not dict"),
        ({"headers": []}, "headers must be an object, not list"),
        ({"headers": ""}, "headers must be an object, not str"),
        ({"cookies": ["a=b", 7]}, "a cookie must be a string, not int"),
        ({"cookies": [["a=b"]]}, "a cookie must be a string, not list"),
        ({"cookies": {}}, "cookies must be a list, not dict"),
        ({"cookies": ""}, "cookies must be a list, not str"),
        *(
            ({"statusCode": value}, "statusCode must be a number of three")
            for value in (0, "", True, 200.5, [200], 20, 1000, "2OO")
        ),
        ([], "it must be an object, not list"),
    ],
)
def test_prelude_member_of_a_wrong_type_is_an_error(head: object, says: str) -> None:
    with pytest.raises(PreludeError, match=says) as raised:
        prelude_of(json.dumps(head).encode())
    assert "SECRET" not in str(raised.value)


@pytest.mark.parametrize("head", [b"", b"{", b"\xff", b"[" * 100_000, b'{"statusCode":' + b"1" * 10_000 + b"}"])
def test_prelude_that_is_not_json_is_an_error(head: bytes) -> None:
    with pytest.raises(PreludeError, match="it is not JSON"):
        prelude_of(head)


def test_prelude_members_are_optional() -> None:
    assert prelude_of(b'{"statusCode":null,"headers":null,"cookies":null,"later":[1]}') == HttpPrelude() == prelude_of(b"{}")
    assert prelude_of(b'{"statusCode":"404"}').status_code == 404
