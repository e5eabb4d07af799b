"""The function URL that a template gives to a function, or to an alias of it.

Law: a function has one configuration here, which its aliases share.

Must not know the other properties of a function.
"""

from typing import Any

from ....emulation.url_config import FunctionUrl, UrlCors
from ....errors import ConfigurationError
from .published import resources_of
from .resources import URL
from .template import Properties
from .values import Unknown

__all__ = ["url_of"]

_LISTS = {
    "allow_origins": "AllowOrigins",
    "allow_methods": "AllowMethods",
    "allow_headers": "AllowHeaders",
    "expose_headers": "ExposeHeaders",
}


def url_of(function: Properties) -> FunctionUrl | None:
    """The configuration of the URL: `FunctionUrlConfig` of AWS SAM, or a resource of CloudFormation. `None` without one."""
    own = function.mapping("FunctionUrlConfig")
    found = [*([own] if own.values else []), *resources_of(function, URL)]
    for other in found[1:]:
        other.note("the URL is left out, because the function has another one, which its aliases share")
    return _url(found[0]) if found else None


def _url(properties: Properties) -> FunctionUrl:
    given = {"auth_type": properties.text("AuthType"), "invoke_mode": properties.text("InvokeMode")}
    members: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    cors = _cors(properties.mapping("Cors"))
    try:
        return FunctionUrl(**members, cors=UrlCors(**cors) if cors else None)
    except ConfigurationError as error:
        prefix = "FunctionUrlConfig: " if properties.place else ""
        raise properties.template.mistake(properties.resource, f"{prefix}{error}") from None


def _cors(properties: Properties) -> dict[str, Any]:
    """The members of `UrlCors` that are set."""
    members: dict[str, Any] = {member: _texts(properties, name) for member, name in _LISTS.items() if name in properties}
    credentials = properties.text("AllowCredentials")
    if credentials not in (None, "true", "false"):
        raise properties.mistake("AllowCredentials", "true or false", credentials)
    numbers = {
        "allow_credentials": None if credentials is None else credentials == "true",
        "max_age": properties.whole("MaxAge"),
    }
    return members | {member: value for member, value in numbers.items() if value is not None}


def _texts(properties: Properties, name: str) -> list[str]:
    """The texts of a list; one that is not known is left out, with a note."""
    known: list[str] = []
    for item in properties.items(name):
        if isinstance(item, str):
            known.append(item)
        elif isinstance(item, Unknown):
            properties.note(f"{name}: an item is left out, because {item.reason}")
        else:
            raise properties.mistake(name, "a list of texts", item)
    return known
