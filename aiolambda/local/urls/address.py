"""The addresses of function URLs: a path of the endpoint, or a name under `localhost`.

Must not know which functions exist; it is told their names.
"""

import re
from collections.abc import Collection
from urllib.parse import quote, unquote

import attrs

__all__ = ["UrlAddress", "address_of", "domain_of", "function_in", "path_of"]

_PATH = re.compile(r"/_url/(?P<function>[^/?]*)(?P<target>.*)", re.DOTALL)
_HOST = re.compile(r"(?P<label>[a-z0-9_-]+)\.lambda-url\.(?P<region>[a-z0-9-]+)\.localhost(:[0-9]{1,5})?", re.IGNORECASE)
_SEPARATOR = "--"
"""Between function and alias in a host, which cannot have a colon."""


@attrs.frozen(kw_only=True)
class UrlAddress:
    """What a request at a function URL asks for.

    - `function`: the name of the function with its qualifier, decoded; of a host, the label.
    - `region`: the region in the host; `None` for a path, which also says that `function` is no label.
    - `target`: the path and the query for the function, as sent.
    """

    function: str
    target: str
    region: str | None = None


def address_of(target: str, host: str) -> UrlAddress | None:
    """The address of a request; `None` if it is not at a function URL.

    Args:
        target: Path and query as sent.
        host: The `Host` header.
    """
    by_host = _HOST.fullmatch(host) if ".lambda-url." in host.lower() else None
    if by_host is not None:
        return UrlAddress(function=by_host["label"], target=target, region=by_host["region"].lower())
    by_path = _PATH.fullmatch(target)
    if by_path is None:
        return None
    return UrlAddress(function=unquote(by_path["function"]), target=by_path["target"] or "/")


def function_in(address: UrlAddress, names: Collection[str]) -> str:
    """The function of an address, as `name` or `name:qualifier`. If there is no such function, the text of the address.

    Args:
        address: The address.
        names: The functions that exist. A host is compared without case, because browsers send small letters.
    """
    if address.region is None:
        return address.function
    label, known = address.function, {name.lower(): name for name in names}
    if label in names or label.lower() in known:
        return label if label in names else known[label.lower()]
    for match in re.finditer(f"(?={_SEPARATOR})", label):
        name = known.get(label[: match.start()].lower())
        if name is not None:
            return f"{name}:{label[match.start() + len(_SEPARATOR) :]}"
    return label


def path_of(function_name: str) -> str:
    """The path of a function URL, with its slash at the end. The name may have a qualifier."""
    return f"/_url/{quote(function_name, safe=':$')}/"


def domain_of(function_name: str, qualifier: str | None, region: str) -> str:
    """The host of a function URL, as the function sees it."""
    label = function_name if qualifier in (None, "$LATEST") else f"{function_name}{_SEPARATOR}{qualifier}"
    return f"{label}.lambda-url.{region}.localhost"
