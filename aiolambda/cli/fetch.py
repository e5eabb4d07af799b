"""`aiolambda fetch`: send a request to the URL of a function, and write the body of its response to stdout.

Owns the options and the output. Must not know how a request is signed or sent.
"""

import argparse
import contextlib
from collections.abc import AsyncGenerator, Iterable, Mapping
from typing import Any, BinaryIO

from ..client.client import LambdaClient
from ..errors import ConfigurationError
from ..operations.fetch_types import HttpHeaders, HttpOutput
from ..operations.response_stream import ResponseStream
from ..protocol.function_urls import host_at
from . import exit_codes
from .clients import make_client
from .files import check_is_open, escape_controls, open_output, print_error, truncate, write_pieces, write_whole
from .interrupts import InterruptedBeforeSending, run_in_loop
from .options import add_connect_timeout, add_connection_options, add_timeout
from .payloads import bytes_of, payload_of
from .results import Form, NotJsonError, add_output_options, form_of, is_terminal

__all__ = ["DESCRIPTION", "add_options", "run"]

DESCRIPTION = """\
Send a request to the URL of a function, or of a web function, and write the body of its response to stdout, unchanged.

The request is signed if the host is that of a function URL. For others, write --sign and --region; for a URL with the AuthType
NONE, --no-sign. Any status of the function is a success, unless --fail is given. No redirect is followed.
"""

_ANY_REGION = "us-east-1"
"""A client has a region, also if it signs nothing."""


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("url", metavar="URL", help="URL; its path and query are sent as they are")
    parser.add_argument("-X", "--method", metavar="METHOD", help="method (default: GET, and POST with a body)")
    parser.add_argument("-H", "--header", action="append", type=_header, metavar="NAME:VALUE", help="header field; repeatable")
    parser.add_argument(
        "--param", action="append", type=_param, metavar="NAME=VALUE", help="parameter to add to the query; repeatable"
    )
    body = parser.add_mutually_exclusive_group()
    body.add_argument("-p", "--payload", metavar="JSON", help="body as JSON; @FILE or file://FILE reads a file, - stdin")
    body.add_argument("-d", "--data", metavar="TEXT", help="body of any kind; @FILE reads a file, - stdin")
    sign = parser.add_mutually_exclusive_group()
    sign.add_argument("--sign", action="store_true", default="auto", help="sign the request, whatever its host, for --region")
    sign.add_argument("--no-sign", dest="sign", action="store_false", help="do not sign, for a URL with the AuthType NONE")
    parser.add_argument("-i", "--include", action="store_true", help="also write status and header fields, before the body")
    parser.add_argument("--fail", action="store_true", help="end with code 1 if the status is 400 or more")
    parser.add_argument("--stream", action="store_true", help="write the body as the function streams it")
    parser.add_argument("--idempotent", action="store_true", help="send again if it may have run: twice does no harm")
    add_timeout(parser, "time limit of the whole call (default: none)")
    add_connect_timeout(parser)
    add_output_options(parser, "the body")
    add_connection_options(parser)


def run(options: argparse.Namespace) -> int:
    """Send the request, and write the response."""
    form = form_of(options)
    check_is_open(options.output)
    if options.stream and not form.is_unchanged:
        raise ConfigurationError("--stream cannot be used with --query or -o json|text: a stream is written as it comes")
    try:
        request = _request_of(options)
    except KeyboardInterrupt:
        raise InterruptedBeforeSending from None
    with open_output(options.output, "write the response to") as file:
        if options.stream:
            return run_in_loop(_stream(options, request, file))
        output = run_in_loop(_fetch(options, request))
        truncate(file)
        is_formed, shown = _formed(output, form, file)
        if options.include:
            shown = _head_of(output.status_code, output.headers.multi_items()) + shown
        if not write_whole(shown, file, "the function has run, but its response cannot be written") or not is_formed:
            return exit_codes.MAY_HAVE_RUN
    return _code_of(options, output.status_code)


def _request_of(options: argparse.Namespace) -> dict[str, Any]:
    """The arguments of the request."""
    payload = None if options.payload is None else payload_of(options.payload, None)
    content = payload if options.data is None else bytes_of(options.data)
    headers: dict[str, str] = dict(options.header or ())
    if len(headers) < len(options.header or ()):
        raise ConfigurationError("--header: each name may be given once; join values with commas")
    if payload is not None and not any(name.lower() == "content-type" for name in headers):
        headers["content-type"] = "application/json"
    method = options.method or ("GET" if content is None else "POST")
    return {
        "url": options.url,
        "method": method,
        "headers": headers or None,
        "params": options.param,
        "content": content,
        "sign": options.sign,
        "idempotent": options.idempotent or None,
    }


@contextlib.asynccontextmanager
async def _client(options: argparse.Namespace) -> AsyncGenerator[LambdaClient]:
    """The client, open. If no setting names a region, it has that of the URL. It needs credentials only to sign."""
    host = host_at(options.url)
    signs = host.kind is not None if options.sign == "auto" else options.sign
    region = host.region or (None if signs else _ANY_REGION)
    client = _new_client(options, signs=signs)
    try:
        await client.open()
    except ConfigurationError:
        await client.close(grace=0)
        if options.region is not None or region is None:
            raise
        options.region = region
        client = _new_client(options, signs=signs)
    async with client:
        yield client


def _new_client(options: argparse.Namespace, *, signs: bool) -> LambdaClient:
    client = make_client(options)
    if not signs:
        client.middleware_stack.remove("httpSigningMiddleware")  # so that no credentials are looked up
    return client


async def _fetch(options: argparse.Namespace, request: Mapping[str, Any]) -> HttpOutput:
    async with _client(options) as client:
        return await client.fetch(**request, region=_region_of(options, client))


async def _stream(options: argparse.Namespace, request: Mapping[str, Any], file: BinaryIO) -> int:
    """Write the chunks as they arrive. An early end is reported after them."""
    async with _client(options) as client, client.fetch_stream(**request, region=_region_of(options, client)) as stream:
        truncate(file)
        pieces = _pieces(stream, include=options.include)
        if not await write_pieces(pieces, file, "the function runs, but its response cannot be written"):
            return exit_codes.MAY_HAVE_RUN
        return _code_of(options, stream.status_code)


async def _pieces(stream: ResponseStream, *, include: bool) -> AsyncGenerator[bytes]:
    """The chunks of the body, after the head if that is included."""
    if include:
        yield _head_of(stream.status_code, HttpHeaders(stream.metadata.headers).multi_items())
    async for chunk in stream:
        yield chunk


def _region_of(options: argparse.Namespace, client: LambdaClient) -> str | None:
    """The region to sign for, if the host has none in its name."""
    if options.sign is not True:
        return None
    return options.region or (None if host_at(options.url).region else client.config.region)


def _code_of(options: argparse.Namespace, status: int) -> int:
    if not options.fail or status < 400:
        return exit_codes.DONE
    print_error(f"aiolambda: the function answered HTTP {status}", is_failure=True)
    return exit_codes.FUNCTION_ERROR


def _formed(output: HttpOutput, form: Form, file: BinaryIO) -> tuple[bool, bytes]:
    """The body in the form that was asked for, and whether that succeeded."""
    body = output.content
    if form.is_unchanged or not body:
        return True, body + b"\n" if body and file.isatty() and not body.endswith(b"\n") else body
    try:
        return True, form.of_payload(body, indent=is_terminal(file))
    except NotJsonError as error:
        reason = f"--query fails on this response ({error})" if error.args else "the response is not JSON"
        print_error(f"aiolambda: the function has run, but {reason}; it is written unchanged", is_failure=True)
        return False, body


def _head_of(status: int, fields: Iterable[tuple[str, str]]) -> bytes:
    """Status and header fields, as curl shows them."""
    lines = [f"HTTP {status}", *(f"{name}: {value}" for name, value in fields), "", ""]
    return "\n".join(map(escape_controls, lines)).encode(errors="backslashreplace")


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise argparse.ArgumentTypeError("a header field is written as NAME:VALUE")
    return name.strip(), value.strip()


def _param(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    if not name:
        raise argparse.ArgumentTypeError("a parameter is written as NAME=VALUE")
    return name, value
