"""The commands of a request to a URL. They are loaded when one is first asked for.

Owns how they are built. Must not know how they are sent.
"""

from collections.abc import Mapping
from typing import TypeVar, overload

from ..pipeline.command import BaseCommand
from ..pipeline.operation import CommandOutput, Operation
from .commands import one_of, problem_of_members, show_members
from .fetch import FETCH
from .fetch_stream import FETCH_STREAM, FetchStreamOutput
from .fetch_types import FetchCommandInput, HttpOutput, Params, Sign, new_input

__all__ = ["FetchCommand", "FetchStreamCommand"]

Out = TypeVar("Out", bound=CommandOutput)


class _FetchingCommand(BaseCommand[FetchCommandInput, Out]):
    """What the two commands share: both have the same input."""

    __slots__ = ()

    @overload
    def __init__(self, input: FetchCommandInput, /, *, idempotent: bool | None = None) -> None: ...
    @overload
    def __init__(
        self,
        *,
        url: str,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        params: Params | None = None,
        json: object = None,
        content: bytes | bytearray | memoryview | str | None = None,
        sign: Sign = "auto",
        region: str | None = None,
        idempotent: bool | None = None,
    ) -> None: ...
    def __init__(  # noqa: D417 - the signature that people see has the members, and neither `members` nor `more`
        self, input: FetchCommandInput | None = None, *more: object, idempotent: bool | None = None, **members: object
    ) -> None:
        """Build a command of an input, or of its members.

        Args:
            input: The input, in place of the members.
            url: The URL of a function, of a web function, or of any other server. Its path and query go out as they are.
            method: The method of HTTP. Default `"GET"`.
            headers: Header fields. Default: those of the client alone.
            params: Parameters to add to the query. Default none.
            json: A value that the client's codec encodes, sent as `application/json`. Default: none.
            content: The body as bytes or text. Default: no body.
            sign: `True` signs the request, `False` does not. Default `"auto"`: function URLs and web functions are signed.
            region: The region to sign for. Default: that in the name of the host.
            idempotent: `True` states that running the function twice does no harm. Default: as the client says.
                With `True`, an attempt with an unknown outcome is repeated.

        Raises:
            TypeError: Both an input and members are given.
        """
        try:
            made = new_input(**members) if input is None and not more else one_of(input, members, FetchCommandInput, more)
            BaseCommand.__init__(self, made, idempotent)  # pyright: ignore[reportUnknownMemberType] - as in `InvokeCommand`
        except TypeError:
            kind = FetchCommandInput
            if input is not None or more or (text := problem_of_members(members, type(self), kind)) is None:
                raise
        else:
            return
        finally:
            del members, more  # a traceback that is printed with locals would show the body
        raise TypeError(text)


show_members(_FetchingCommand.__init__, FetchCommandInput)  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType] - of any output


class FetchCommand(_FetchingCommand[HttpOutput]):
    """Sends a request to the URL of a function, and gives the whole response.

    ::

        url = "https://abcdefg.lambda-url.eu-west-1.on.aws/orders"
        output = await client.send(FetchCommand(url=url, method="POST", json={"id": 7}))
        print(output.status_code, output.json())
    """

    __slots__ = ()
    operation: Operation[FetchCommandInput, HttpOutput] = FETCH
    """The request to a URL."""


class FetchStreamCommand(_FetchingCommand[FetchStreamOutput]):
    """Sends a request to the URL of a function, and gives the response as a stream: `output.stream`, which the reader closes.

    Once an answer has begun, nothing is sent again. `client.fetch_stream(...)` does the same in a block.

    ::

        output = await client.send(FetchStreamCommand(url="https://abcdefg.lambda-url.eu-west-1.on.aws/report"))
        async with output.stream as stream:
            async for chunk in stream:
                print(chunk)
    """

    __slots__ = ()
    operation: Operation[FetchCommandInput, FetchStreamOutput] = FETCH_STREAM
    """The request to a URL."""
