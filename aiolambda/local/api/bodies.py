"""The body of a request, read within the limits of its size, and the call that gets no answer.

Must not know what becomes of a request.
"""

from collections.abc import Mapping

from aiohttp import web

from ...emulation import api_errors
from ...emulation.api_errors import ApiError
from ...emulation.control_plane.answers import EMULATED
from ...emulation.control_plane.routes import Asked
from ...emulation.scenarios import Scenario
from . import requests

__all__ = ["NoAnswer", "read_operation_body", "read_payload"]


class NoAnswer(Exception):
    """This call gets no answer: a script wants that, or the client has left before it had sent its request."""

    def __init__(self, scenario: Scenario | None = None) -> None:
        super().__init__()
        self.scenario = scenario


async def read_payload(request: web.BaseRequest, headers: Mapping[str, str]) -> bytes:
    """Read the payload. If the declared length is over a limit, refuse the request without reading it."""
    declared = request.content_length
    requests.check_size(declared or 0, declared, headers)
    if request.content.is_eof():  # it has come with the head
        payload = request.content.read_nowait()
        requests.check_size(len(payload), declared, headers)
        return payload
    _ask_for_the_rest(request, headers)
    collected = bytearray()
    try:
        async for chunk in request.content.iter_any():
            collected += chunk
            requests.check_size(len(collected), declared, headers)
    except ConnectionError:
        raise NoAnswer from None
    return bytes(collected)


def _ask_for_the_rest(request: web.BaseRequest, headers: Mapping[str, str]) -> None:
    """Answer `Expect: 100-continue`, which `web.Server` leaves to its handler."""
    if headers.get("expect", "").lower() == "100-continue" and request.transport is not None:
        request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")


async def read_operation_body(request: web.BaseRequest, asked: Asked, headers: Mapping[str, str]) -> bytes:
    """Read the body of an operation that runs no function. One with much code is refused by its name, not by its size."""
    try:
        return await read_payload(request, headers)
    except ApiError:
        if asked.operation in EMULATED:
            raise
        raise api_errors.not_emulated(asked.operation) from None
