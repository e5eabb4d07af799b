"""The head of a request in HTTP/1.1.

Laws: a request that HTTP cannot carry has no head. `content-length` is always the true length of the body.

Owns the encoding of the request line and the header fields. Must not know connections, or Lambda.
Source: RFC 9112, sections 3 and 5.
"""

from ..protocol.header_fields import are_fit, check_names, check_values
from ..protocol.urls import host_of
from ..types.http import Request

__all__ = ["head_of"]

_CONTROLS = bytes([*range(32), 127])


def head_of(request: Request, target: str, *, proxy_authorization: str | None = None) -> bytes:
    """The request line and the header.

    `content-length` is the current length of the body, and the field is ignored. If the body was changed after signing, the
    server refuses the request, and must not read it as two requests.
    """
    fields, method = request.headers.fields, request.method
    lines = [f"{name}: {value}\r\n" for name, value in fields.items() if name != "content-length"]
    if "host" not in fields:
        lines.append(f"host: {host_of(request.url)}\r\n")
    if proxy_authorization is not None:
        lines.append(f"proxy-authorization: {proxy_authorization}\r\n")
    head = f"{method} {target} HTTP/1.1\r\n{''.join(lines)}content-length: {len(request.body)}\r\n\r\n".encode(
        errors="surrogatepass"  # as in the signature; the check below refuses them
    )
    # Two control characters end each line. If there are others, or non-ASCII characters, each field is checked.
    if len(head.translate(None, _CONTROLS)) != len(head) - 2 * len(lines) - 6 or not head.isascii():
        check_values(fields)
    if not are_fit(method, *fields):
        check_names(method, fields)
    return head
