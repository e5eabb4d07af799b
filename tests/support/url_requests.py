"""Requests at function URLs, byte for byte as a test writes them, and their answers, with what is wrong with the body."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import attrs

__all__ = ["UrlAnswer", "send", "send_to"]


@attrs.frozen(kw_only=True)
class UrlAnswer:
    """An answer. `whole` says whether the body ended as its framing says."""

    status: int
    fields: Sequence[tuple[str, str]]
    body: bytes
    whole: bool

    def json(self) -> Any:
        return json.loads(self.body)

    def header(self, name: str) -> str | None:
        return next((value for field, value in self.fields if field.lower() == name), None)

    @property
    def cookies(self) -> list[str]:
        return [value for field, value in self.fields if field.lower() == "set-cookie"]

    @property
    def code(self) -> str | None:
        return self.header("x-amzn-errortype")


async def send(
    url: str, target: str = "", *, method: str = "GET", headers: Mapping[str, str] | None = None, body: bytes = b""
) -> UrlAnswer:
    """Send a request at a URL of the endpoint; `target` follows its path, not encoded or normalized by anybody."""
    parts = urlsplit(url)
    lengths = {"content-length": str(len(body))} if body else {}
    fields = {"host": parts.netloc, **lengths, **{name.lower(): value for name, value in (headers or {}).items()}}
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    head = f"{method} {parts.path.rstrip('/') if target.startswith('/') else parts.path}{target} HTTP/1.1\r\n{lines}\r\n"
    return await send_to(url, head.encode() + body, method=method)


async def send_to(url: str, request: bytes, *, method: str = "GET") -> UrlAnswer:
    """Send these bytes to the server of a URL, and read one answer."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        async with asyncio.timeout(20):
            writer.write(request)
            return await _read(reader, method)
    finally:
        writer.close()
        await writer.wait_closed()


async def _read(reader: asyncio.StreamReader, method: str) -> UrlAnswer:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("utf-8", "surrogateescape")
    status_line, *lines = head.strip().split("\r\n")
    fields = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    status = int(status_line.split()[1])
    by_name = {name.lower(): value for name, value in fields}
    if method == "HEAD" or status in (204, 304):
        return UrlAnswer(status=status, fields=fields, body=b"", whole=not await _has_more(reader))
    if by_name.get("transfer-encoding") == "chunked":
        body, whole = await _read_chunks(reader)
    else:
        length = int(by_name["content-length"])
        body = await _up_to(reader, length)
        whole = len(body) == length
    return UrlAnswer(status=status, fields=fields, body=body, whole=whole)


async def _has_more(reader: asyncio.StreamReader) -> bool:
    """Whether bytes follow a head that has no body."""
    try:
        async with asyncio.timeout(0.1):
            return bool(await reader.read(1))
    except TimeoutError:
        return False


async def _read_chunks(reader: asyncio.StreamReader) -> tuple[bytes, bool]:
    body = bytearray()
    while True:
        line = await reader.readline()
        if not line.endswith(b"\r\n"):
            return bytes(body), False
        size = int(line, 16)
        data = await _up_to(reader, size + 2)
        if size == 0:
            return bytes(body), data == b"\r\n"
        body += data[:size]


async def _up_to(reader: asyncio.StreamReader, size: int) -> bytes:
    try:
        return await reader.readexactly(size)
    except asyncio.IncompleteReadError as error:
        return error.partial
