"""The reader of responses, on bytes alone: what it takes, what it refuses, and that the cuts between reads change nothing.

Each response is fed whole, byte by byte, and in pieces of any size: the way `Connection` feeds what the loop received.
Source: RFC 9112, sections 2.2, 4, 5, 6, 7.1 and 9.3; RFC 9110, sections 5.5 and 15.2.
"""

from collections.abc import Iterator, Sequence

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiolambda import ResponseLimits
from aiolambda.transport.response_reader import ResponseError, ResponseReader

MOST = 16 * 1024 * 1024
IN_PLACE = 64 * 1024
OK = b"HTTP/1.1 200 OK\r\n"
EARLY = b"HTTP/1.1 103 Early Hints\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
PLAIN = OK + b"Content-Length: 2\r\n\r\n{}"


@attrs.frozen
class Answer:
    """A response as the reader took it; `unread` are bytes behind it that came in a later read."""

    status: int
    fields: dict[str, str]
    body: bytes
    reusable: bool
    unread: int = 0


OPEN = "not complete"
Outcome = Answer | str


def read(reader: ResponseReader, data: bytes, cuts: Sequence[int] = (), *, most: int | None = MOST) -> Outcome:
    """The outcome of a response that comes in reads of these sizes, the last of them again and again; or in one."""
    reader.begin(most)
    sizes, left, streamed = _sizes(cuts or [len(data)]), memoryview(data), b""
    while left and not reader.is_complete:
        place = reader.place
        size = min(next(sizes), len(left), len(left) if place is None else len(place))
        try:
            if place is None:
                reader.feed(left[:size])
            else:
                place[:size] = left[:size]
                reader.filled(size)
        except ResponseError as error:
            return str(error)
        left = left[size:]
        streamed += b"".join(reader.pieces()) if most is None else b""
    if not reader.is_complete:
        return OPEN
    body = streamed if most is None else reader.body()
    return Answer(reader.status, reader.fields, body, reader.is_reusable, len(left))


def _sizes(cuts: Sequence[int]) -> Iterator[int]:
    yield from cuts
    while True:
        yield cuts[-1]


def outcome(data: bytes, cuts: Sequence[int] = (), *, limits: ResponseLimits | None = None, most: int | None = MOST) -> Outcome:
    return read(ResponseReader(limits or ResponseLimits()), data, cuts, most=most)


def refusal(data: bytes, **settings: ResponseLimits) -> str:
    """The complaint about a response, which is the same for each way to cut it."""
    found = outcome(data, **settings)
    assert isinstance(found, str)
    assert found != OPEN
    for cuts in ([1], [2], [7], [len(data) - 1, 1], [40, 1000]):
        assert outcome(data, cuts, **settings) == found
        assert outcome(data, cuts, **settings, most=None) == found
    return found


# What is taken

ANSWERS = {
    "length": (PLAIN, Answer(200, {"content-length": "2"}, b"{}", reusable=True)),
    "no body": (OK + b"Content-Length: 0\r\n\r\n", Answer(200, {"content-length": "0"}, b"", reusable=True)),
    "no reason": (b"HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", Answer(200, {"content-length": "0"}, b"", reusable=True)),
    "chunks": (
        CHUNKED + b"1\r\n{\r\n00001\r\n}\r\n0\r\n\r\n",
        Answer(200, {"transfer-encoding": "chunked"}, b"{}", reusable=True),
    ),
    "chunks in another case": (
        OK + b"tRANSFER-eNCODING: Chunked \r\n\r\n0\r\n\r\n",
        Answer(200, {"transfer-encoding": "Chunked"}, b"", reusable=True),
    ),
    "chunk extensions": (
        CHUNKED + b'2;name;other="quoted; text"\r\n{}\r\n0;last\r\n\r\n',
        Answer(200, {"transfer-encoding": "chunked"}, b"{}", reusable=True),
    ),
    "trailers": (
        CHUNKED + b"0\r\nX-Amz-Function-Error: Unhandled\r\nX-B: 1\r\n\r\n",
        Answer(200, {"transfer-encoding": "chunked"}, b"", reusable=True),
    ),
    "interim": (
        EARLY + b"Link: a\r\nX-Amz-Function-Error: Unhandled\r\n\r\n" + b"HTTP/1.1 100 Continue\r\n\r\n" + PLAIN,
        Answer(200, {"content-length": "2"}, b"{}", reusable=True),
    ),
    "interim with two codings": (
        EARLY + 2 * b"Transfer-Encoding: chunked\r\n" + b"\r\n" + CHUNKED + b"0\r\n\r\n",
        Answer(200, {"transfer-encoding": "chunked"}, b"", reusable=True),
    ),
    "close": (
        OK + b"Connection: close\r\nContent-Length: 2\r\n\r\n{}",
        Answer(200, {"connection": "close", "content-length": "2"}, b"{}", reusable=False),
    ),
    "close, chunked": (
        OK + b"Connection: Close\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        Answer(200, {"connection": "Close", "transfer-encoding": "chunked"}, b"", reusable=False),
    ),
    "HTTP/1.0": (
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        Answer(200, {"content-length": "2"}, b"{}", reusable=False),
    ),
    "HTTP/1.0 keep-alive": (
        b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\n{}",
        Answer(200, {"connection": "keep-alive", "content-length": "2"}, b"{}", reusable=True),
    ),
    "204": (b"HTTP/1.1 204 No Content\r\nX-A: 1\r\n\r\n", Answer(204, {"x-a": "1"}, b"", reusable=True)),
    "204 with a length": (
        b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n",
        Answer(204, {"content-length": "0"}, b"", reusable=True),
    ),
    "304 with the length of another": (
        b"HTTP/1.1 304 Not Modified\r\nContent-Length: 70000\r\n\r\n",
        Answer(304, {"content-length": "70000"}, b"", reusable=True),
    ),
    "205": (
        b"HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n",
        Answer(205, {"content-length": "0"}, b"", reusable=True),
    ),
    "a status that nobody knows": (
        b"HTTP/1.1 799 X\r\nContent-Length: 0\r\n\r\n",
        Answer(799, {"content-length": "0"}, b"", reusable=True),
    ),
    "an offer to upgrade": (
        OK + b"Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 2\r\n\r\n{}",
        Answer(200, {"connection": "Upgrade", "upgrade": "h2c", "content-length": "2"}, b"{}", reusable=True),
    ),
    "spaces around values": (
        OK + b"X-A: \t a b \t \r\nX-B:\r\nX-C: \r\nX-D:1\r\nContent-Length: 2  \r\n\r\n{}",
        Answer(200, {"x-a": "a b", "x-b": "", "x-c": "", "x-d": "1", "content-length": "2"}, b"{}", reusable=True),
    ),
    "repeated names": (
        OK + b"X-A: first\r\nx-a: second\r\nContent-Length: 2\r\nX-A: third\r\n\r\n{}",
        Answer(200, {"x-a": "first", "content-length": "2"}, b"{}", reusable=True),
    ),
    "values that are not ASCII": (
        OK + b"X-Utf: \xc3\xa4\r\nX-Latin: \xe4\r\nContent-Length: 2\r\n\r\n{}",
        Answer(200, {"x-utf": "\xe4", "x-latin": "\udce4", "content-length": "2"}, b"{}", reusable=True),
    ),
    "a body that looks like a response": (
        OK + b"Content-Length: %d\r\n\r\n" % len(PLAIN) + PLAIN,
        Answer(200, {"content-length": str(len(PLAIN))}, PLAIN, reusable=True),
    ),
}


@pytest.mark.parametrize(("data", "expected"), ANSWERS.values(), ids=ANSWERS)
def test_response_is_read_however_it_is_cut(data: bytes, expected: Answer) -> None:
    for cuts in ([], [1], [2], [3], [len(data) - 1, 1], [1, len(data)]):
        assert outcome(data, cuts) == expected
        assert outcome(data, cuts, most=None) == expected


@given(st.sampled_from(sorted(ANSWERS)), st.lists(st.integers(1, 60), min_size=1, max_size=12))
def test_random_cuts_change_nothing(name: str, cuts: list[int]) -> None:
    data, expected = ANSWERS[name]
    assert outcome(data, cuts) == expected
    assert outcome(data, cuts, most=None) == expected


@given(st.lists(st.sampled_from(sorted(ANSWERS)), min_size=2, max_size=6), st.integers(1, 200))
def test_response_leaves_nothing_for_the_next_one(names: list[str], size: int) -> None:
    """One reader, as on a kept-alive connection."""
    reader = ResponseReader(ResponseLimits())
    for name in names:
        data, expected = ANSWERS[name]
        assert read(reader, data, [size]) == expected
        if not expected.reusable:
            break


# What is refused

REFUSED = {
    "no end": (OK + b"X-A: 1\r\n\r\n{}", "neither a Content-Length nor a chunked"),
    "close is no end": (OK + b"Connection: close\r\n\r\n", "neither a Content-Length nor a chunked"),
    "HTTP/1.0 without a length": (b"HTTP/1.0 200 OK\r\n\r\n", "neither a Content-Length nor a chunked"),
    "length and coding": (
        OK + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        "can't be present",
    ),
    "coding and length": (CHUNKED[:-2] + b"Content-Length: 2\r\n\r\n2\r\n{}\r\n0\r\n\r\n", "can't be present"),
    "length twice": (OK + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}", "Duplicate Content-Length"),
    "two lengths": (OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", "Duplicate Content-Length"),
    "list of lengths": (OK + b"Content-Length: 2, 2\r\n\r\n{}", "Invalid character in Content-Length"),
    "length with a sign": (OK + b"Content-Length: +2\r\n\r\n{}", "Invalid character in Content-Length"),
    "length below zero": (OK + b"Content-Length: -2\r\n\r\n{}", "Invalid character in Content-Length"),
    "length with a fraction": (OK + b"Content-Length: 2.0\r\n\r\n{}", "Invalid character in Content-Length"),
    "hexadecimal length": (OK + b"Content-Length: 0x2\r\n\r\n{}", "Invalid character in Content-Length"),
    "length in two words": (OK + b"Content-Length: 2 2\r\n\r\n{}", "Invalid character in Content-Length"),
    "empty length": (OK + b"Content-Length: \r\n\r\n", "Empty Content-Length"),
    "huge length": (OK + b"Content-Length: 99999999999999999999\r\n\r\n", "Content-Length overflow"),
    "coding twice": (CHUNKED[:-2] + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "not exactly 'chunked'"),
    "unknown coding": (OK + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", "not exactly 'chunked'"),
    "second coding": (OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "not exactly 'chunked'"),
    "coding after chunked": (OK + b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", "not exactly 'chunked'"),
    "identity": (OK + b"Transfer-Encoding: identity\r\n\r\n", "not exactly 'chunked'"),
    "coding with a parameter": (OK + b"Transfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n", "not exactly 'chunked'"),
    "coding before a tab": (OK + b"Transfer-Encoding: chunked\t\r\n\r\n0\r\n\r\n", "not exactly 'chunked'"),
    "empty coding": (OK + b"Transfer-Encoding:\r\n\r\n0\r\n\r\n", "Transfer-Encoding"),
    "chunks in HTTP/1.0": (CHUNKED.replace(b"1.1", b"1.0") + b"0\r\n\r\n", "not exactly 'chunked'"),
    "HTTP/2.0": (PLAIN.replace(b"1.1", b"2.0"), "another HTTP version than 1.0 or 1.1"),
    "HTTP/0.9": (PLAIN.replace(b"1.1", b"0.9"), "another HTTP version than 1.0 or 1.1"),
    "HTTP/1.2": (PLAIN.replace(b"1.1", b"1.2"), "is not valid HTTP: Invalid HTTP version"),
    "HTTP/11": (PLAIN.replace(b"1.1", b"11"), "is not valid HTTP"),
    "another protocol": (PLAIN.replace(b"HTTP", b"RTSP"), "does not begin with a status line"),
    "a third protocol": (PLAIN.replace(b"HTTP", b"ICE"), "does not begin with a status line"),
    "a request": (b"GET / HTTP/1.1\r\nContent-Length: 0\r\n\r\n", "does not begin with a status line"),
    "small letters": (PLAIN.replace(b"HTTP", b"http"), "does not begin with a status line"),
    "an empty line first": (b"\r\n" + PLAIN, "does not begin with a status line"),
    "TLS alert": (b"\x15\x03\x01\x00\x02\x02\x46", "does not begin with a status line"),
    "status of two digits": (PLAIN.replace(b"200", b"20"), "Invalid status code"),
    "status of four digits": (PLAIN.replace(b"200", b"2000"), "is not valid HTTP"),
    "status with letters": (PLAIN.replace(b"200", b"2OO"), "Invalid status code"),
    "status 000": (PLAIN.replace(b"200", b"000"), "has the status 0, which is no answer"),
    "status 099": (PLAIN.replace(b"200", b"099"), "has the status 99, which is no answer"),
    "101": (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\nX", "has the status 101"),
    "101 without a word": (b"HTTP/1.1 101 Switching Protocols\r\n\r\n" + PLAIN, "has the status 101"),
    "bytes of an interim body": (EARLY + b"Content-Length: 3\r\n\r\nabc" + PLAIN, "is not valid HTTP"),
    "bare LF": (PLAIN.replace(b"\r\n", b"\n"), "is not valid HTTP: Missing expected CR"),
    "bare CR in a value": (OK + b"X-A: 1\r2\r\nContent-Length: 0\r\n\r\n", "is not valid HTTP: Missing expected LF"),
    "NUL in a value": (OK + b"X-A: 1\0\r\nContent-Length: 0\r\n\r\n", "Invalid header value char"),
    "folded field": (OK + b"X-A: 1\r\n 2\r\nContent-Length: 0\r\n\r\n", "Unexpected whitespace after header value"),
    "space in a name": (OK + b"X A: 1\r\nContent-Length: 0\r\n\r\n", "is not valid HTTP"),
    "space behind a name": (OK + b"Content-Length : 0\r\n\r\n", "is not valid HTTP"),
    "name that is not ASCII": (OK + b"X-\xc3\xa4: 1\r\nContent-Length: 0\r\n\r\n", "Invalid header token"),
    "field without a name": (OK + b": 1\r\nContent-Length: 0\r\n\r\n", "Invalid header token"),
    "field without a colon": (OK + b"Content-Length\r\n\r\n", "is not valid HTTP"),
    "chunk size with a sign": (CHUNKED + b"-2\r\n{}\r\n0\r\n\r\n", "Invalid character in chunk size"),
    "chunk size with a prefix": (CHUNKED + b"0x2\r\n{}\r\n0\r\n\r\n", "Invalid character in chunk size"),
    "chunk size with a space": (CHUNKED + b"2 \r\n{}\r\n0\r\n\r\n", "Invalid character in chunk size"),
    "empty chunk size": (CHUNKED + b"\r\n{}\r\n0\r\n\r\n", "Invalid character in chunk size"),
    "huge chunk size": (CHUNKED + b"fffffffffffffffff\r\n", "Chunk size overflow"),
    "bare LF in a chunk": (CHUNKED + b"2\n{}\r\n0\r\n\r\n", "is not valid HTTP"),
    "longer chunk": (CHUNKED + b"1\r\n{}\r\n0\r\n\r\n", "is not valid HTTP"),
    "length in the trailers": (CHUNKED + b"0\r\nContent-Length: 2\r\n\r\n", "can't be present"),
    "bad trailer": (CHUNKED + b"0\r\nX A: 1\r\n\r\n", "is not valid HTTP"),
}


@pytest.mark.parametrize(("data", "text"), REFUSED.values(), ids=REFUSED)
def test_malformed_response_is_refused(data: bytes, text: str) -> None:
    assert text in refusal(data)


@given(st.sampled_from(sorted(REFUSED)), st.lists(st.integers(1, 60), min_size=1, max_size=12))
def test_random_cuts_hide_no_fault(name: str, cuts: list[int]) -> None:
    data, text = REFUSED[name]
    found = outcome(data, cuts)
    assert isinstance(found, str)
    assert text in found


def test_refusal_quotes_nothing_of_the_response() -> None:
    secret = b"hunter2"
    for data, _ in REFUSED.values():
        for place in range(0, len(data), 5):
            found = outcome(data[:place] + secret + data[place:])
            assert not (isinstance(found, str) and "hunter" in found)


@given(st.binary(max_size=300), st.lists(st.integers(1, 60), min_size=1, max_size=12))
def test_random_bytes_are_never_an_error_of_another_kind(data: bytes, cuts: list[int]) -> None:
    for begun in (b"", OK, CHUNKED, OK + b"Content-Length: 7\r\n\r\n"):
        found = outcome(begun + data, cuts)
        assert found == OPEN or isinstance(found, Answer | str)


@given(st.sampled_from(sorted(ANSWERS)), st.data())
def test_cut_response_is_never_complete(name: str, data: st.DataObject) -> None:
    whole, _ = ANSWERS[name]
    end = data.draw(st.integers(1, len(whole) - 1))
    assert outcome(whole[:end]) == OPEN
    assert outcome(whole[:end], [3]) == OPEN


# What follows a response


@pytest.mark.parametrize(
    "more",
    [PLAIN, PLAIN[:1], PLAIN[:30], b"HTTP/1.1 102 Processing\r\n\r\n", CHUNKED],
    ids=["whole", "H", "a part", "interim", "chunks"],
)
@pytest.mark.parametrize("first", [PLAIN, CHUNKED + b"2\r\n{}\r\n0\r\n\r\n"], ids=["length", "chunks"])
def test_second_response_ends_the_connection(first: bytes, more: bytes) -> None:
    """The first one counts: the second cannot belong to the request of this one."""
    found = outcome(first + more)
    assert isinstance(found, Answer)
    assert (found.status, found.body, found.reusable) == (200, b"{}", False)
    later = outcome(first + more, [len(first), 1])
    assert isinstance(later, Answer)
    assert (later.body, later.reusable, later.unread) == (b"{}", True, len(more))  # `Connection` ends it: bytes at rest


@pytest.mark.parametrize("more", [b"X", b"{}", b"\0", b"\x15\x03\x03", b"HTTX", PLAIN[:17] + b"X A: 1\r\n"])
def test_garbage_behind_a_response_is_refused(more: bytes) -> None:
    """The length and the bytes disagree, so neither can be trusted."""
    assert outcome(PLAIN + more) == "is followed by bytes that belong to no answer"


def test_body_of_a_204_is_refused() -> None:
    assert outcome(b"HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\n{}") == "is followed by bytes that belong to no answer"


def test_bytes_behind_a_closing_response_are_refused() -> None:
    assert outcome(OK + b"Connection: close\r\nContent-Length: 2\r\n\r\n{}" + PLAIN) == (
        "is followed by bytes that belong to no answer"
    )


def test_forgotten_response_keeps_nothing() -> None:
    reader = ResponseReader(ResponseLimits())
    reader.begin(MOST)
    reader.feed(memoryview(OK + b"Content-Length: 100000\r\n\r\nbegun"))
    reader.forget()
    assert (reader.is_complete, reader.is_reusable, reader.place, reader.body()) == (True, False, None, b"")


# Large bodies


@pytest.mark.parametrize("size", [IN_PLACE - 1, IN_PLACE, IN_PLACE + 1, 1_000_000])
@pytest.mark.parametrize("cuts", [[], [1000], [262_144], [60, 1], [61, 70_000, 1]], ids=str)
def test_large_body_is_read_unchanged(size: int, cuts: list[int]) -> None:
    if cuts[-1:] == [1] and size > IN_PLACE + 1:
        cuts = [*cuts[:-1], 4096]
    body = bytes(range(256)) * (size // 256 + 1)
    head = OK + b"Content-Length: %d\r\n\r\n" % size
    reader = ResponseReader(ResponseLimits())
    for end in (b"", b"HTTP/1.1 200 OK\r\n"):
        found = read(reader, head + body[:size] + end, cuts)
        assert isinstance(found, Answer)
        assert found.body == body[:size]
        assert found.reusable is (not end or found.unread > 0)
        if not end:  # the connection goes on, with the same reader
            assert read(reader, PLAIN) == Answer(200, {"content-length": "2"}, b"{}", reusable=True)


def test_only_a_body_beyond_the_border_has_a_place() -> None:
    for size, has_place in ((IN_PLACE, False), (IN_PLACE + 1, True)):
        reader = ResponseReader(ResponseLimits())
        reader.begin(MOST)
        reader.feed(memoryview(OK + b"Content-Length: %d\r\n\r\nxx" % size))
        assert (reader.place is not None) is has_place
        assert reader.place is None or len(reader.place) == size - 2


def test_place_takes_no_byte_behind_the_body() -> None:
    reader = ResponseReader(ResponseLimits())
    reader.begin(MOST)
    reader.feed(memoryview(OK + b"Content-Length: 70000\r\n\r\n" + b"x" * 69_000))
    assert reader.place is not None
    assert len(reader.place) == 1000
    reader.filled(1000)
    assert (reader.is_complete, reader.is_reusable, reader.place) == (True, True, None)


def test_large_body_of_a_closing_response_is_not_reusable() -> None:
    head = OK + b"Connection: close\r\nContent-Length: 70000\r\n\r\n"
    for cuts in ([], [1000], [100, 70_000]):
        found = outcome(head + bytes(70_000), cuts)
        assert isinstance(found, Answer)
        assert (found.body, found.reusable) == (bytes(70_000), False)


def test_large_body_of_http_1_0_is_read() -> None:
    for cuts in ([], [1000]):
        found = outcome(b"HTTP/1.0 200 OK\r\nContent-Length: 70000\r\n\r\n" + bytes(70_000), cuts)
        assert isinstance(found, Answer)
        assert (found.body, found.reusable) == (bytes(70_000), False)


def test_streamed_body_is_handed_on_in_pieces() -> None:
    reader = ResponseReader(ResponseLimits())
    reader.begin(None)
    reader.feed(memoryview(OK + b"Content-Length: 200000\r\n\r\n" + bytes(100)))
    assert reader.place is None
    assert b"".join(reader.pieces()) == bytes(100)
    reader.feed(memoryview(bytes(199_900)))
    assert (len(b"".join(reader.pieces())), reader.pieces(), reader.is_complete) == (199_900, [], True)


# Limits

SMALL = ResponseLimits(body=1000, head=2000, interim=3)
HEAD, BODY, INTERIM = "of head and trailers", "has a body of more than 1,000 bytes", "more than 3 heads with a status of 1xx"
FIELDS = b"".join(b"X-%d: 1\r\n" % number for number in range(300))
TOO_MUCH = {
    "many fields": (OK + FIELDS + b"Content-Length: 0\r\n\r\n", HEAD),
    "many fields of one name": (OK + b"X-A: 1\r\n" * 400 + b"Content-Length: 0\r\n\r\n", HEAD),
    "a long field": (OK + b"X-A: " + b"x" * 2000 + b"\r\nContent-Length: 0\r\n\r\n", HEAD),
    "a long name": (OK + b"X-" + b"x" * 2000 + b": 1\r\nContent-Length: 0\r\n\r\n", HEAD),
    "a long interim head": (EARLY + FIELDS + b"\r\n" + PLAIN, HEAD),
    "a long head after an interim one": (EARLY + b"\r\n" + OK + FIELDS + b"Content-Length: 0\r\n\r\n", HEAD),
    "a long second interim head": (EARLY + b"\r\n" + EARLY + FIELDS + b"\r\n" + PLAIN, HEAD),
    "trailers": (CHUNKED + b"0\r\n" + FIELDS + b"\r\n", HEAD),
    "trailers of one name": (CHUNKED + b"0\r\n" + b"X-A: 1\r\n" * 400 + b"\r\n", HEAD),
    "chunk extension": (CHUNKED + b"1;" + b"x" * 2100 + b"\r\n1\r\n0\r\n\r\n", HEAD),
    "chunk extensions": (CHUNKED + (b"1;" + b"x" * 50 + b"\r\n1\r\n") * 100 + b"0\r\n\r\n", HEAD),
    "zeros before a chunk size": (CHUNKED + b"0" * 2100 + b"1\r\n1\r\n0\r\n\r\n", HEAD),
    "1xx": ((EARLY + b"\r\n") * 4 + PLAIN, INTERIM),
}
OVERSIZED = {
    "length": OK + b"Content-Length: 1001\r\n\r\n",
    "body": OK + b"Content-Length: 1001\r\n\r\n" + bytes(1001),
    "chunks": CHUNKED + b"1f5\r\n" + bytes(501) + b"\r\n1f4\r\n" + bytes(500) + b"\r\n0\r\n\r\n",
    "HTTP/1.0": b"HTTP/1.0 200 OK\r\nContent-Length: 1001\r\n\r\n",
}


@pytest.mark.parametrize(("data", "text"), TOO_MUCH.values(), ids=TOO_MUCH)
def test_head_limit_holds_however_the_head_is_cut(data: bytes, text: str) -> None:
    assert text in refusal(data, limits=SMALL)


@pytest.mark.parametrize("data", OVERSIZED.values(), ids=OVERSIZED)
def test_body_limit_holds_however_it_is_cut(data: bytes) -> None:
    for cuts in ([], [1], [40, 7], [1000]):
        found = outcome(data, cuts, limits=SMALL, most=SMALL.body)
        assert isinstance(found, str)
        assert BODY in found


def test_responses_at_their_limits_are_taken() -> None:
    """And not only the first one of a connection."""
    reader = ResponseReader(SMALL)
    at_limits = [
        (EARLY + b"\r\n") * 3 + OK + b"Content-Length: 1000\r\n\r\n" + bytes(1000),
        CHUNKED + b"3e8\r\n" + bytes(1000) + b"\r\n0\r\n\r\n",
        OK + b"X-A: " + b"x" * 1900 + b"\r\nContent-Length: 0\r\n\r\n",
        (EARLY + b"X-A: " + b"x" * 1900 + b"\r\n\r\n") * 3 + PLAIN,
        EARLY + b"X-A: 1\r\n" * 200 + b"\r\n" + OK + b"X-A: 1\r\n" * 200 + b"Content-Length: 0\r\n\r\n",
        CHUNKED + b"1\r\nx\r\n" * 1000 + b"0\r\n" + b"X-A: 1\r\n" * 200 + b"\r\n",
    ]
    for data in at_limits * 2:
        for cuts in ([], [1], [700]):
            assert isinstance(read(reader, data, cuts, most=SMALL.body), Answer)


def test_head_may_have_thousands_of_fields() -> None:
    data = OK + b"".join(b"X-%d: 1\r\n" % number for number in range(4000)) + b"Content-Length: 2\r\n\r\n{}"
    for cuts in ([], [1000], [1]):
        found = outcome(data, cuts)
        assert isinstance(found, Answer)
        assert (len(found.fields), found.fields["x-3999"]) == (4001, "1")


def test_many_names_fill_no_memory() -> None:
    """The names of fields are kept, but not all that a server can invent."""
    from aiolambda.transport import response_reader

    for number in range(2000):
        assert isinstance(outcome(OK + b"X-Once-%d: 1\r\nContent-Length: 0\r\n\r\n" % number), Answer)
    assert len(response_reader._NAMES) <= 1000


# Progress, for the limits of time


def test_progress_changes_with_each_part() -> None:
    reader = ResponseReader(ResponseLimits())
    reader.begin(MOST)
    seen = [reader.progress]
    for piece in (b"H", EARLY[1:-1], b"\n", b"\r\n", OK, b"Content-Length: 2\r\n", b"\r\n", b"{"):
        reader.feed(memoryview(piece))
        if reader.progress != seen[-1]:
            seen.append(reader.progress)
    assert len(seen) == len(set(seen)) == 5  # silence, an interim head, silence, a head, a body
