"""The operation behind `client.fetch`: the checks of its input, its request, and the output of an answer.

Owns which requests are signed, and for which region. Must not know how a request is signed or sent, or whose an answer is.
Source: "Invoking Lambda function URLs" of the developer guide.
"""

import hashlib
import json
import sys
from collections.abc import Callable, Collection
from functools import lru_cache
from typing import NamedTuple, cast

from ..errors import ConfigurationError, InvalidInputError, InvalidPayloadSizeError, LambdaServiceException
from ..pipeline.operation import HttpOperation, TemplatedOperation
from ..protocol.endpoints import checked_region
from ..protocol.function_urls import Host, checked_fields, checked_method, host_at, with_params
from ..protocol.urls import origin_and_target
from ..types.http import Headers, ParsedError, Request, Response, StreamingBody, headers_of
from ..types.interfaces import Codec
from ..types.mistakes import kind_of
from ..types.values import Delivery, Metadata, PayloadLimits
from . import fetch_answers
from .fetch_types import FetchCommandInput, HttpOutput, new_output
from .invoke import SYNCHRONOUS_READ_LIMIT
from .payload import encoded

__all__ = ["FETCH", "FetchOperation", "Fetching"]

_MANY_REGIONS = "*"
_NO_LIMITS = PayloadLimits(request_response=sys.maxsize)
"""A fingerprint needs none: sending checks the limits of the client."""


class _Target(NamedTuple):
    """Where a request goes, and the region to sign it for; `None` if it is not signed."""

    host: Host
    region: str | None


@lru_cache(maxsize=1024)
def _target(url: str, sign: object, region: str | None) -> _Target:
    """The target of a request. `InvalidInputError` for a URL, or for a signature, that is not possible."""
    host = host_at(url)
    if region == _MANY_REGIONS:
        raise InvalidInputError(
            "region is '*', which needs a signature of SigV4a, and this client signs with SigV4: name one region",
            member="region",
        )
    if sign is False or (sign == "auto" and host.kind is None):
        if region is not None:
            raise InvalidInputError(
                f"region has no effect without a signature: to sign for {host.name}, write sign=True", member="region"
            )
        return _Target(host, None)
    if host.region is not None and region not in (None, host.region):
        raise InvalidInputError(f"region is {region!r}, and {host.name} is in {host.region}", member="region")
    if host.region is None and region is None:
        raise InvalidInputError(f"sign=True needs region=...: the host {host.name} names none", member="region")
    if region is not None:
        _check_region(region)
    return _Target(host, host.region or region)


def _check_region(region: str) -> None:
    try:
        checked_region(region, "region=")
    except ConfigurationError as error:
        problem = str(error)
    else:
        return
    raise InvalidInputError(problem, member="region")


class Fetching(HttpOperation):
    """What a fetch is, whether its answer is read whole or while it arrives."""

    def function_name(self, input: FetchCommandInput, /) -> str:
        """The host, with its port if that is not the default one. A path may hold ids, and a query secrets."""
        try:
            return host_at(input.url).name
        except (InvalidInputError, TypeError):
            return ""

    def invocation_type(self, input: FetchCommandInput, /) -> str:
        """`RequestResponse`: the caller waits for the answer of the function."""
        return "RequestResponse"

    def default_read_timeout(self, input: FetchCommandInput, /) -> float:
        """The read limit in seconds if the caller gave none."""
        return SYNCHRONOUS_READ_LIMIT

    def is_idempotent(self, input: FetchCommandInput, /, *, durable: Collection[tuple[str, str | None]]) -> bool:
        """`False`: no method of HTTP says what a function does."""
        return False

    def check(self, input: FetchCommandInput, /, *, region: str | None, limits: PayloadLimits) -> str | None:
        """Raise `InvalidInputError` for an input that cannot be sent. `request` checks the body."""
        target = _target_of(input)
        checked_method(input.method, target.host.kind)
        checked_fields(input.headers, kind=target.host.kind, signs=target.region is not None)
        if input.params is not None:
            with_params(target.host.url, input.params)
        return None

    def request(self, input: FetchCommandInput, /, *, endpoint: str, codec: Codec, limits: PayloadLimits) -> Request:
        """The request, without host, user agent and signature. `InvalidInputError` for one that cannot be sent."""
        target = _target_of(input)
        fields = checked_fields(input.headers, kind=target.host.kind, signs=target.region is not None)
        if input.json is not None and "content-type" not in fields:
            fields["content-type"] = "application/json"
        method = checked_method(input.method, target.host.kind)
        return Request(method, _url(input, target), Headers.of(fields), _body(input, codec, limits))

    def signing_region(self, input: FetchCommandInput, /) -> str | None:
        """The region to sign for; `None` if the request is not signed."""
        return _target_of(input).region

    def passes_trace(self, input: FetchCommandInput, /) -> bool:
        """Whether the request goes to AWS: it is signed, or its host is a function's."""
        return _is_for_aws(_target_of(input))

    def fingerprint(self, input: FetchCommandInput, /, *, codec: Codec) -> str:
        """A hash of the request, in hexadecimal. `InvalidInputError` if there is no such request."""
        request, target = self.request(input, endpoint="", codec=codec, limits=_NO_LIMITS), _target_of(input)
        parts = [request.method, request.url, sorted(request.headers.fields.items()), target.region]
        digest = hashlib.sha256(request.body)
        digest.update(json.dumps(parts).encode())
        return digest.hexdigest()

    def is_output(self, input: FetchCommandInput, response: Response, /) -> bool:
        """Whether an answer is that of the function."""
        return fetch_answers.origin_of(response, is_aws=_is_for_aws(_target_of(input))) == "function"

    def verdict(self, input: FetchCommandInput, response: Response, /) -> Delivery:
        """The verdict on an answer. `ConnectionLostError` for a success that is not the function's."""
        if response.status < 400 and fetch_answers.has_request_id(response):  # nearly every answer
            return Delivery.EXECUTED
        return fetch_answers.verdict_of(response, is_aws=_is_for_aws(_target_of(input)))

    def parsed_error(self, input: FetchCommandInput, response: Response, /) -> ParsedError:
        """Code, members and verdict of an answer that is not the function's."""
        return fetch_answers.parsed_error(response, is_aws=_is_for_aws(_target_of(input)))

    def explain(self, error: LambdaServiceException, input: FetchCommandInput, request: Request, /, *, details: bool) -> None:
        """Add to the error which of its causes it has. With `details`, a note has the canonical request without secrets."""
        fetch_answers.explain(error, request, kind=_target_of(input).host.kind, details=details)


class FetchOperation(Fetching, TemplatedOperation):
    """A request to a URL whose answer is read whole."""

    name = "Fetch"
    streamed = False

    def template_key(self, input: FetchCommandInput, /) -> tuple[object, ...] | None:
        """The members that the request follows from. `None` with odd types, or for a host outside AWS.

        A URL that was not requested before shares its key with the others of its host.
        """
        url, method, sign, region, headers = input.url, input.method, input.sign, input.region, input.headers
        if type(self) is not FetchOperation or type(url) is not str or type(method) is not str:
            return None
        if not (sign is True or sign is False or type(sign) is str) or not (region is None or type(region) is str):
            return None
        fields: object = None
        if headers:
            if type(headers) is not dict:
                return None
            fields = tuple(cast("dict[str, str]", headers).items())
        key = "Fetch", url, method, sign, region, fields, input.json is not None
        try:
            if input.params is None and key in _seen:
                return key
            return self._kin_key(input, key)
        except (InvalidInputError, TypeError):  # a value of another type need not have a hash
            return None

    def _kin_key(self, input: FetchCommandInput, key: tuple[object, ...]) -> tuple[object, ...] | None:
        """The key that a request shares with those to other paths and queries of its host. Notes that `key` was seen."""
        if input.headers and not all(type(name) is str and type(value) is str for name, value in input.headers.items()):
            return None
        target = _target_of(input)
        if not _is_for_aws(target):
            return None
        if input.params is None:
            if len(_seen) >= _MOST_SEEN:
                _seen.clear()
            _seen[key] = None
        return ("Fetch at", origin_and_target(target.host.url)[0], *key[2:])

    def varying_url(self, input: FetchCommandInput, key: tuple[object, ...], /) -> str | None:
        """The URL of the request, if requests with this key have several."""
        return None if key[0] == "Fetch" else _url(input, _target_of(input))

    def body(self, input: FetchCommandInput, /, *, codec: Codec, limits: PayloadLimits) -> bytes:
        """The body of the request. `InvalidInputError` for one that cannot be sent."""
        content = input.content
        if input.json is None and type(content) is bytes and len(content) <= limits.request_response:
            return content
        return _body(input, codec, limits)

    def output(self, input: FetchCommandInput, response: Response, /, *, metadata: Metadata, codec: Codec) -> HttpOutput:
        """The output of an answer of the function."""
        return self.output_of(input, response, metadata=lambda: metadata, codec=codec)

    def output_of(
        self, input: FetchCommandInput, response: Response, /, *, metadata: Callable[[], Metadata], codec: Codec
    ) -> HttpOutput:
        """The same, with metadata that are made when somebody asks."""
        return new_output(metadata, response.status, headers_of(response), response.body, codec, host_at(input.url).name)

    def open_answer(self, output: HttpOutput, /) -> StreamingBody | None:
        """`None`: an output of this operation has its whole answer."""
        return None


FETCH = FetchOperation()


_seen: dict[tuple[object, ...], None] = {}
"""The keys of the last requests. The second request to a URL is the first to have a template of its own."""
_MOST_SEEN = 1000


def _url(input: FetchCommandInput, target: _Target) -> str:
    return target.host.url if input.params is None else with_params(target.host.url, input.params)


def _target_of(input: FetchCommandInput) -> _Target:
    url, sign, region = input.url, input.sign, input.region
    if sign is not True and sign is not False and sign != "auto":
        raise InvalidInputError(f"sign must be True, False or 'auto'; got {kind_of(sign)}", member="sign")
    if not (region is None or isinstance(region, str)):  # pyright: ignore[reportUnnecessaryIsInstance] - callers need not be typed
        raise InvalidInputError(f"region must be a string; got {kind_of(region)}", member="region")
    if not isinstance(url, str):  # pyright: ignore[reportUnnecessaryIsInstance] - as above
        raise InvalidInputError(f"url must be a string; got {kind_of(url)}", member="url")
    return _target(url, sign, region)


def _is_for_aws(target: _Target) -> bool:
    return target.region is not None or target.host.kind is not None


def _json_body(value: object, codec: Codec) -> bytes:
    try:
        return encoded("json", lambda: codec.encode(value))
    except InvalidInputError as error:
        problem = str(error.args[0])
    rest = problem.removeprefix("payload ")  # a codec does not know which member it encodes
    raise InvalidInputError(problem if rest == problem else f"json {rest}", member="json")


def _body(input: FetchCommandInput, codec: Codec, limits: PayloadLimits) -> bytes:
    """The bytes of the body. `InvalidPayloadSizeError` if they are more than a function takes."""
    content, value = input.content, input.json
    if value is not None:
        if content is not None:
            raise InvalidInputError("pass json or content, not both", member="json")
        body = _json_body(value, codec)
    elif content is None or type(content) is bytes:
        body = content or b""
    elif isinstance(content, str):
        body = encoded("content", content.encode)
    elif isinstance(content, bytes | bytearray | memoryview):  # pyright: ignore[reportUnnecessaryIsInstance] - callers need not be typed
        body = bytes(content)
    else:
        raise InvalidInputError(
            f"content takes bytes or text; got {kind_of(content)}: for a value, write json=...; for a file, read it",
            member="content",
        )
    limit = limits.request_response
    if len(body) > limit and host_at(input.url).kind is not None:
        raise InvalidPayloadSizeError(
            f"the body has {len(body):,} bytes, and the limit of a function is {limit:,}", size=len(body), limit=limit
        )
    return body
