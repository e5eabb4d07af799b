"""Protection against web pages: refuse the requests of other origins if the endpoint does not verify signatures.

A web page can make a browser send requests to any server on this machine (cross-site request forgery). It can also point a
name of its own site to this machine (DNS rebinding). The browser sends the origin of the page in `Origin` and
`Sec-Fetch-Site`, which no SDK sends, and the name of the site in `Host`.

Owns this check. Must not know the operation.
Source: the Fetch standard, "Origin header" and "Fetch metadata".
"""

import ipaddress
import re
from collections.abc import Mapping

from . import errors

__all__ = ["check", "check_host"]

_HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(:[0-9]{1,5})?")
_LOCAL_NAMES = ("localhost", "host.docker.internal", "host.containers.internal")
"""Containers use the last two; the public DNS has no such names."""
_ALLOWED_FETCH_SITES = ("none", "same-origin")


def check(headers: Mapping[str, str]) -> None:
    """Raise an `ApiError` if a page of another origin may have sent this request. Header names are in lower case."""
    check_host(headers)
    host = headers.get("host", "").lower()
    origin = headers.get("origin")
    is_foreign = origin is not None and origin.lower() not in (f"http://{host}", f"https://{host}")
    if is_foreign or headers.get("sec-fetch-site", "none").lower() not in _ALLOWED_FETCH_SITES:
        raise errors.foreign_origin()


def check_host(headers: Mapping[str, str]) -> None:
    """Raise an `ApiError` if the request was sent to a name that is not one of this machine."""
    if not _is_local(headers.get("host", "").lower()):
        raise errors.foreign_host()


def _is_local(host: str) -> bool:
    """Whether the name is local. Every IP address is accepted, because only names can be rebound."""
    match = _HOST.fullmatch(host)
    if match is None:
        return False
    name = match["name"]
    if name in _LOCAL_NAMES or name.endswith(".localhost"):
        return True
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True
