"""The settings of a client as a table for people: the value and the source of each, and the names that can set it.

Owns how a value is shown. Must not find any setting itself.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import attrs

from ..codecs import JsonCodec
from ..protocol.urls import url_shown
from ..types.interfaces import CredentialsProvider
from ..types.loggers import PACKAGE
from ..types.values import masked
from .credentials.static import EnvironmentCredentials, StaticCredentials
from .resolve import SETTABLE_BY, FoundSettings, look_up
from .settings import DEFAULT, Found

if TYPE_CHECKING:
    from .client_config import LambdaClientConfig

__all__ = ["Explained", "as_table", "explain", "explained"]


@attrs.frozen(kw_only=True)
class Explained:
    """One setting of a client as `config.explained()` shows it. No secret is in it.

    Args:
        name: The name of the setting.
        value: The value as text; `-` if there is none.
        source: Where the value comes from, such as `argument region` or `AWS_REGION`.
        names: Everything that can set it. The first one that is set wins.
        problem: Why the setting has no usable value; `None` if it has one.
        is_default: Whether nothing has set it. Default `False`.
    """

    name: str
    """The name of the setting."""
    value: str
    """The value as text; `-` if there is none."""
    source: str
    """Where the value comes from, such as `argument region` or `AWS_REGION`."""
    names: tuple[str, ...]
    """Everything that can set it. The first one that is set wins."""
    problem: str | None = None
    """Why the setting has no usable value; `None` if it has one."""
    is_default: bool = False
    """Whether nothing has set it."""


def explain(config: "LambdaClientConfig", environment: Mapping[str, str]) -> tuple[Explained, ...]:
    """Each setting as a client would find it now, with its problem. Reads files, and does not ask the credential chain."""
    return explained(look_up(config, environment), config)


def explained(found: FoundSettings, config: "LambdaClientConfig") -> tuple[Explained, ...]:
    """Each setting: first those that are looked up, in the order in which they depend on each other, then the arguments."""
    rows: list[Explained] = []
    for field in attrs.fields(FoundSettings):
        if field.name == "files":
            for name, file in zip(("config file", "credentials file"), found.files, strict=False):
                rows.append(
                    Explained(
                        name=name, value=file.path, source=file.state, names=(file.variable,), is_default=not file.is_named
                    )
                )
        elif SETTABLE_BY in field.metadata:
            setting = _endpoint_row(found) if field.name == "endpoint_url" else getattr(found, field.name)
            rows.append(_row(field.name, setting, field.metadata[SETTABLE_BY]))
            if field.name == "endpoint_url":  # one that follows from the region is not set
                rows[-1] = attrs.evolve(rows[-1], is_default=found.endpoint_url.is_default)
    looked_up, standard = {row.name for row in rows}, type(config)()
    names = [field.name for field in attrs.fields(type(config)) if not field.name.startswith("_")]
    rows += [_argument_row(config, standard, name) for name in names if name not in looked_up]
    return tuple(rows)


def as_table(settings: Iterable[Explained]) -> str:
    """The settings in columns. A problem is a line of its own under its setting."""
    table = [("setting", "value", "source", "set by, first wins")]
    notes: dict[int, str] = {}
    for setting in settings:
        table.append((setting.name, setting.value, setting.source, ", ".join(setting.names)))
        if setting.problem is not None:
            notes[len(table) - 1] = setting.problem
    widths = [max(len(row[column]) for row in table) for column in range(3)]
    lines: list[str] = []
    for number, row in enumerate(table):
        cells = [cell.ljust(width) for cell, width in zip(row, (*widths, 0), strict=True)]
        lines.append("  ".join(cells).rstrip())
        if number in notes:
            lines.append(f"  ! {notes[number]}")
    return "\n".join(lines)


def _row(name: str, found: Found[object], names: tuple[str, ...]) -> Explained:
    problem = None if found.problem is None else str(found.problem)
    value = "-" if found.value is None else _SHOWN.get(name, _text)(found.value)
    return Explained(name=name, value=value, source=found.source, names=names, problem=problem, is_default=found.is_default)


def _argument_row(config: "LambdaClientConfig", standard: "LambdaClientConfig", name: str) -> Explained:
    """A setting that is an argument only. `standard` has the defaults; if one of them was given, that is its source."""
    given, value = config.given(name), getattr(config, name)
    is_default = given == getattr(standard, name) or type(given) is JsonCodec  # it has no state
    found = Found(_IN_PLACE_OF_NONE.get(name) if value is None else value, DEFAULT if is_default else f"argument {name}")
    return _row(name, found, (f"{name}=",))


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _provider_shown(provider: CredentialsProvider) -> str:
    if isinstance(provider, StaticCredentials | EnvironmentCredentials):
        return masked(provider.credentials.access_key_id)
    return type(provider).__name__


def _kind_shown(value: object) -> str:
    """A part of the user's own: its class, because its text may hold anything."""
    return value if isinstance(value, str) else type(value).__name__


_SHOWN: dict[str, Callable[[Any], str]] = {
    "endpoint_url": url_shown,
    "ssl_context": lambda _: "given",
    "proxy": url_shown,
    "credentials": _provider_shown,
    "codec": _kind_shown,
    "transport": _kind_shown,
    "logger": lambda logger: logger.name if isinstance(logger, logging.Logger) else _kind_shown(logger),
}

_IN_PLACE_OF_NONE: dict[str, object] = {
    "logger": PACKAGE,
    "max_concurrency": "1000, or fewer if fewer files may be open",
    "transport": "built-in",
}
"""The values that a client uses if an argument is `None`."""


def _endpoint_row(found: FoundSettings) -> Found[str | None]:
    """The URL that calls go to: a custom one, or the one of the region."""
    custom, endpoint = found.endpoint_url, found.endpoint
    url = custom.value if endpoint.value is None else endpoint.value.url
    return Found(url, endpoint.source if custom.is_default else custom.source, custom.problem or endpoint.problem)
