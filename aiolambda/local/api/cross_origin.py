"""Which requests a web page may have sent: those that an endpoint without signatures must not serve.

A browser sends requests of any page to any server of this machine (request forgery across origins), and takes a name of the
page's own site for this machine if the name server says so (DNS rebinding). It tells the origin of the page in `Origin` and
`Sec-Fetch-Site`, which no SDK sends, and the name of the site in `Host`.

Owns this check. Must not know what is asked for.
Source: the Fetch standard, "Origin header" and "Fetch metadata".
"""

import ipaddress
import re
from collections.abc import Mapping

from . import errors

__all__ = ["check"]

_HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(:[0-9]{1,5})?")
_OF_THIS_MACHINE = ("localhost", "host.docker.internal", "host.containers.internal")
"""The last two are what containers call it; no name of the public name service ends so."""
_NOT_OF_ANOTHER_SITE = ("none", "same-origin")


def check(headers: Mapping[str, str]) -> None:
    """Raise a `Refusal` if a page of another origin may have sent these headers, which have lower-case names."""
    host = headers.get("host", "").lower()
    if not _names_this_machine(host):
        raise errors.foreign_host()
    origin = headers.get("origin")
    is_foreign = origin is not None and origin.lower() not in (f"http://{host}", f"https://{host}")
    if is_foreign or headers.get("sec-fetch-site", "none").lower() not in _NOT_OF_ANOTHER_SITE:
        raise errors.foreign_origin()


def _names_this_machine(host: str) -> bool:
    """An address cannot be rebound: only names can."""
    match = _HOST.fullmatch(host)
    if match is None:
        return False
    name = match["name"]
    return name in _OF_THIS_MACHINE or name.endswith(".localhost") or _is_address(name.strip("[]"))


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
