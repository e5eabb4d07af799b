"""The calls of a client that send a request to a URL: `fetch` and `fetch_stream`.

Owns their signatures. Must not know how a command is sent: `LambdaClient.send` does that.
"""

import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ..types.values import UNSET, HedgeAfter, Timeouts, Unset
from .sending import Sending

if TYPE_CHECKING:
    from ..operations.fetch_command import FetchCommand
    from ..operations.fetch_types import HttpOutput, Params, Sign
    from ..operations.response_stream import ResponseStream

__all__ = ["FetchCalls"]


@functools.cache
def _command() -> "type[FetchCommand]":
    """The class of the command. An import, even of a loaded module, takes longer than a look at a cache."""
    from ..operations.fetch_command import FetchCommand  # noqa: PLC0415 - loaded by the first fetch

    return FetchCommand


class FetchCalls(Sending):
    """The convenience calls for function URLs and web functions."""

    async def fetch(
        self,
        url: str,
        method: str = "GET",
        *,
        headers: Mapping[str, str] | None = None,
        params: "Params | None" = None,
        json: object = None,
        content: bytes | bytearray | memoryview | str | None = None,
        sign: "Sign" = "auto",
        region: str | None = None,
        timeout: float | Timeouts | Unset | None = UNSET,
        idempotent: bool | None = None,
        hedge_after: HedgeAfter | Unset | None = UNSET,
    ) -> "HttpOutput":
        """Send a request to the URL of a function, and wait for its response, of any status.

        ::

            output = await client.fetch("https://abcdefg.lambda-url.eu-west-1.on.aws/orders", "POST", json={"id": 7})
            print(output.raise_for_status().json())

        The request is signed for a function URL (`<id>.lambda-url.<region>.on.aws`) and for a web function
        (`<id>.<part>.lambda-web.<region>.on.aws`). No redirect is followed, and nothing is decompressed by itself.

        Args:
            url: The URL. Its path and query go out byte for byte; a fragment is dropped.
            method: The method of HTTP. Default `"GET"`. No method makes a call idempotent.
            headers: Header fields. Default: those of the client alone.
            params: Parameters to add to the query: a mapping, whose values may be lists, or pairs. Default none.
            json: A value that the client's codec encodes, sent as `application/json`. Default: none.
            content: The body as bytes or text. Default: no body.
            sign: `True` signs the request, `False` does not. Default `"auto"`: function URLs and web functions are signed.
                Write `False` for a URL with `AuthType` `NONE`.
            region: The region to sign for. Default: that in the name of the host. Other hosts need it with `sign=True`.
            timeout: Seconds for the whole call, or `Timeouts`; `None` is no limit. Default: that of the client.
                A number or `None` replaces the `total` of the client's limits, `Timeouts` replaces them all.
            idempotent: `True` if running the function twice does no harm. Default: as the client says.
                With `True`, an attempt with an unknown outcome is repeated.
            hedge_after: When an idempotent call that has no answer is sent a second time. Default: as the client says.
                Seconds, or `"p90"`, `"p95"` or `"p99"`: the time in which that share of the function's answers came.
                The first answer wins. The function may run twice, and both runs are billed. `None` is never.

        Raises:
            InvalidInputError: The request cannot be sent.
            LambdaServiceException: Lambda answered in place of the function: it throttled, refused or lost the request.
            AiolambdaError: Any other error of `send`; its `may_have_run` says whether the function may have run.
        """
        try:
            command = _command()(
                url=url,
                method=method,
                headers=headers,
                params=params,
                json=json,
                content=content,
                sign=sign,
                region=region,
            )
        finally:
            del url, headers, params, json, content  # a traceback that is printed with locals would show them
        return await self.send(command, timeout=timeout, idempotent=idempotent, hedge_after=hedge_after)

    def fetch_stream(
        self,
        url: str,
        method: str = "GET",
        *,
        headers: Mapping[str, str] | None = None,
        params: "Params | None" = None,
        json: object = None,
        content: bytes | bytearray | memoryview | str | None = None,
        sign: "Sign" = "auto",
        region: str | None = None,
        timeout: float | Timeouts | Unset | None = UNSET,
        idempotent: bool | None = None,
    ) -> "ResponseStream":
        """Send a request to the URL of a function, and read its response while it is written.

        ::

            async with client.fetch_stream("https://abcdefg.lambda-url.eu-west-1.on.aws/report") as stream:
                print(stream.status_code, stream.metadata.headers["content-type"])
                async for line in stream.iter_lines():
                    print(line)

        Entering the block sends the request, and raises the errors of `send`. Leaving it closes the stream. The stream holds
        its slot until it is closed. A body that is cut raises `StreamError`: so does a web function that runs out of time.

        Args:
            url: The URL. Its path and query go out byte for byte; a fragment is dropped.
            method: The method of HTTP. Default `"GET"`. No method makes a call idempotent.
            headers: Header fields. Default: those of the client alone.
            params: Parameters to add to the query: a mapping, whose values may be lists, or pairs. Default none.
            json: A value that the client's codec encodes, sent as `application/json`. Default: none.
            content: The body as bytes or text. Default: no body.
            sign: `True` signs the request, `False` does not. Default `"auto"`: function URLs and web functions are signed.
                Write `False` for a URL with `AuthType` `NONE`.
            region: The region to sign for. Default: that in the name of the host. Other hosts need it with `sign=True`.
            timeout: Seconds until the stream is closed, or `Timeouts`; `None` is no limit. Default: that of the client.
                A number or `None` replaces the `total` of the client's limits, `Timeouts` replaces them all.
                Of `Timeouts`, `read` applies until the answer begins, `idle` between two chunks, and `total` until the stream
                is closed.
            idempotent: `True` if running the function twice does no harm. Default: as the client says.
                Once an answer has begun, nothing is sent again.
        """
        from ..operations.fetch_command import FetchStreamCommand  # noqa: PLC0415 - loaded by the first one
        from ..operations.response_stream import ResponseStream  # noqa: PLC0415 - as above

        try:
            command = FetchStreamCommand(
                url=url,
                method=method,
                headers=headers,
                params=params,
                json=json,
                content=content,
                sign=sign,
                region=region,
            )
        finally:
            del url, headers, params, json, content  # as above

        async def open_stream() -> ResponseStream:
            return (await self.send(command, timeout=timeout, idempotent=idempotent)).stream

        return ResponseStream(open_stream)
