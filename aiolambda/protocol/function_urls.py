"""Function URLs and the endpoints of web functions: what a URL says of its host, and the requests that such a host accepts.

Owns the grammar of these hosts, and the checks of method, URL, query and header fields. Must not know how a request is signed
or sent.
Source: "Invoking Lambda function URLs" and "HTTP in web functions" of the developer guide; RFC 3986 and RFC 9110.
"""

import contextlib
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Literal, NamedTuple, cast
from urllib.parse import quote, urlsplit

from ..errors import InvalidInputError
from ..types.mistakes import kind_of
from .header_fields import are_fit, check_names, check_values
from .urls import UNRESERVED, encode_label, host_of, is_url, url_shown

__all__ = ["HEADER_LIMIT", "Host", "HostKind", "checked_fields", "checked_method", "host_at", "with_params"]

HEADER_LIMIT = 32 * 1024
"""Bytes of the header fields of a request to AWS. A web endpoint drops the connection of one that has too many, without an
answer; how many that are is not documented."""

HostKind = Literal["url", "web"]
"""A function URL, or the endpoint of a web function."""

_URL_HOST = re.compile(r"[a-z0-9]+\.lambda-url\.([a-z0-9-]+)\.on\.aws")
_WEB_HOST = re.compile(r"(?:[a-z0-9-]+\.)+lambda-web\.(?:([a-z0-9-]+)\.)?on\.aws")
_REGION = re.compile(r"[a-z]{2,}(?:-[a-z]+)+-[0-9]+")
_KEPT = "!#$%&'()*+,/:;=?@[]" + UNRESERVED
"""Characters of a URL that go out as they are given: all that RFC 3986 allows in one."""
_PLAIN = re.compile(rf"([A-Za-z]+://[^/?#\s]+)[/?][A-Za-z0-9{re.escape(_KEPT.replace('#', ''))}]*")
"""A URL that goes out as it is, without a fragment. Its first group is all before path and query."""
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "OPTIONS", "DELETE")
"""The methods that start a web function. Its endpoint answers 400 to others."""
_OF_CONNECTION = frozenset(
    {
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""Fields that the transport sets, or that concern the connection alone."""
_OF_SIGNATURE = frozenset({"authorization", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token"})


class Host(NamedTuple):
    """What a URL says of its host.

    - `url`: the URL as it is sent, without its fragment.
    - `name`: the host with its port, if that is not the default one.
    - `kind`: `None` for a host that is neither a function URL's nor a web function's.
    - `region`: the region in the name of the host; `None` if it has none.
    """

    url: str
    name: str
    kind: HostKind | None
    region: str | None


@lru_cache(maxsize=1024)
def host_at(url: str) -> Host:
    """The host of a URL. Characters that no URL may have are percent-encoded, and nothing else is changed.

    `InvalidInputError` for a URL that cannot be called, whose query the text never shows.
    """
    plain = _PLAIN.fullmatch(url) if type(url) is str else None
    if plain is not None:
        with contextlib.suppress(InvalidInputError):  # its text would lack the path
            origin = _checked_host(plain[1])
            return Host(url, origin.name, origin.kind, origin.region)
    return _checked_host(url)


@lru_cache(maxsize=1024)
def _checked_host(url: str) -> Host:
    if not isinstance(url, str):  # pyright: ignore[reportUnnecessaryIsInstance] - callers need not be typed
        raise InvalidInputError(f"url must be a string; got {kind_of(url)}", member="url")
    sent = _encoded(url)
    scheme, _, rest = sent.partition("://")
    authority = re.split(r"[/?]", rest, maxsplit=1)[0]
    if "@" in authority:
        raise InvalidInputError("url holds a user or a password: send credentials in a header", member="url")
    if not is_url(sent):
        raise InvalidInputError(
            f"url is not an http or https URL with a host{_with_scheme(url)}: write 'https://HOST/PATH'", member="url"
        )
    name = host_of(sent)
    bare = (urlsplit(sent).hostname or "").rstrip(".")
    kind, region = _kind_of(bare)
    if kind is not None and scheme.lower() != "https":
        raise InvalidInputError(f"{url_shown(sent)} takes https only", member="url")
    if kind == "web" and ":" in name:
        raise InvalidInputError(f"the endpoint of a web function takes no port: write {bare!r}", member="url")
    if kind == "web" and (region is None or _REGION.fullmatch(region) is None):
        raise InvalidInputError(
            f"{bare} is an endpoint for several regions, which wants a signature of SigV4a (region set '*'), and this client "
            "signs with SigV4: use the endpoint of one region",
            member="url",
        )
    return Host(sent, name, kind, region)


def _encoded(url: str) -> str:
    if any(ord(character) < 32 or ord(character) == 127 for character in url) or url != url.strip():
        raise InvalidInputError("url contains a control character, or begins or ends with a space", member="url")
    try:
        return quote(url.partition("#")[0], safe=_KEPT)
    except UnicodeEncodeError:
        pass
    raise InvalidInputError("url contains half of a character (a lone surrogate)", member="url")


def _with_scheme(url: str) -> str:
    """A hint for a URL without its scheme."""
    return "" if "://" in url else ", because its scheme is missing"


def _kind_of(host: str) -> tuple[HostKind | None, str | None]:
    found = _URL_HOST.fullmatch(host)
    if found is not None:
        return "url", found[1]
    found = _WEB_HOST.fullmatch(host)
    return (None, None) if found is None else ("web", found[1])


def with_params(url: str, params: object) -> str:
    """The URL with parameters behind its query, which stays as it is. Names and values are percent-encoded.

    `params` is a mapping, whose values may be lists, or pairs. `InvalidInputError` for anything else.
    """
    if not params:
        return url
    pairs = "&".join([f"{_label('a name', name)}={_label('a value', value)}" for name, value in _pairs(params)])
    if not pairs:
        return url
    base, fragment, rest = url.partition("#")
    mark = "" if base.endswith(("?", "&")) else "&" if "?" in base else "?"
    return f"{base}{mark}{pairs}{fragment}{rest}"


def _pairs(params: object) -> Iterable[tuple[object, object]]:
    if isinstance(params, Mapping):
        for name, value in cast("Mapping[object, object]", params).items():
            if isinstance(value, list | tuple):
                yield from ((name, one) for one in cast("Sequence[object]", value))
            else:
                yield name, value
    elif isinstance(params, list | tuple):
        for pair in cast("Sequence[object]", params):
            if type(pair) is not tuple or len(cast("tuple[object, ...]", pair)) != 2:
                raise InvalidInputError("params takes pairs of name and value", member="params")
            yield cast("tuple[object, object]", pair)
    else:
        raise InvalidInputError(f"params takes a mapping or pairs; got {kind_of(params)}", member="params")


def _label(what: str, value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return ""
    if isinstance(value, str | int | float):
        try:
            return encode_label(str(value))
        except UnicodeEncodeError:
            pass
    raise InvalidInputError(f"params has {what} that is neither text nor a number: {kind_of(value)}", member="params")


def checked_method(method: object, kind: HostKind | None) -> str:
    """The method in capitals. `InvalidInputError` for one that the host does not take."""
    if not isinstance(method, str) or not are_fit(method) or method.upper() == "CONNECT":
        raise InvalidInputError("method must be a method of HTTP, such as 'GET'", member="method")
    method = method.upper()
    if kind == "web" and method not in _METHODS:
        raise InvalidInputError(f"a web function takes {', '.join(_METHODS)}; got {method[:20]}", member="method")
    return method


def checked_fields(headers: Mapping[str, str] | None, *, kind: HostKind | None, signs: bool) -> dict[str, str]:
    """The header fields by lower-case name. `InvalidInputError` for one that HTTP cannot carry, or that the client sets."""
    if headers is None:
        return {}
    fields = _lowered(headers)
    check_names("GET", fields)
    check_values(fields)
    for name in fields:
        if name in _OF_CONNECTION:
            raise InvalidInputError(f"remove the header {name!r}: the client sets what the connection needs", member=name)
        if signs and name in _OF_SIGNATURE:
            raise InvalidInputError(
                f"remove the header {name!r}: the signature sets it. To sign in another way, or not at all, write sign=False",
                member=name,
            )
    size = sum(len(name) + len(value) + len(": \r\n") for name, value in fields.items())
    if kind is not None and size > HEADER_LIMIT:
        text = f"headers has {size:,} bytes, and the limit is {HEADER_LIMIT:,}"
        raise InvalidInputError(text, member="headers", limit=HEADER_LIMIT)
    return fields


def _lowered(headers: object) -> dict[str, str]:
    if not isinstance(headers, Mapping):
        raise InvalidInputError(f"headers takes a mapping of names to values; got {kind_of(headers)}", member="headers")
    fields = dict[str, str]()
    for name, value in cast("Mapping[object, object]", headers).items():
        if not isinstance(name, str) or not isinstance(value, str):
            shown = repr(name[:100]) if isinstance(name, str) else f"a name of type {type(name).__name__}"
            raise InvalidInputError(
                f"headers takes names and values that are strings; {shown} has {kind_of(value)}", member="headers"
            )
        key = name.lower()
        if key in fields:
            raise InvalidInputError(f"headers has {key[:100]!r} twice: join the values by commas", member="headers")
        fields[key] = value
    return fields
