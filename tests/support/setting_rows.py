"""The table of the settings, made of the code: type, default, variables and profile keys.

`python -m tests.support.setting_rows` prints it. Owns its form. Must not know the page that shows it.
"""

import inspect
import re
from types import UnionType
from typing import Any, Union, get_args, get_origin

import attrs

from aiolambda import LambdaClient, LambdaClientConfig
from aiolambda.config.resolve import SETTABLE_BY, FoundSettings, look_up
from aiolambda.pipeline import slot_limit

__all__ = ["setting_rows"]

_LOOKED_UP = {field.name: field.metadata[SETTABLE_BY] for field in attrs.fields(FoundSettings) if SETTABLE_BY in field.metadata}

_NO_FILES = {"AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null"}


def setting_rows() -> list[str]:
    """A row for each setting, in Markdown, in the order of the signature."""
    parameters = inspect.signature(LambdaClient).parameters.values()
    return [_row(one) for one in parameters if one.kind is one.KEYWORD_ONLY]


def _row(parameter: inspect.Parameter) -> str:
    names = [name for name in _LOOKED_UP.get(parameter.name, ()) if not name.endswith("=")]
    keys = [name.removesuffix(" (profile)") for name in names if name.endswith(" (profile)")]
    variables = [name for name in names if not name.endswith(" (profile)")]
    cells = (f"`{parameter.name}`", _code(_types(parameter.annotation)), _default(parameter), _code(variables), _code(keys))
    return f"| {' | '.join(cells)} |"


def _code(names: list[str]) -> str:
    return ", ".join(name if " " in name else f"`{name}`" for name in names)


def _types(annotation: Any) -> list[str]:
    """The types as they are written, without those that mean "not given"."""
    members = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
    names = [re.sub(r"\w+\.", "", str(one)) if get_args(one) else one.__name__ for one in members]
    return [name for name in names if name not in ("NoneType", "Unset")]


def _default(parameter: inspect.Parameter) -> str:
    """The value that a client uses if nothing is given and nothing is found."""
    value: object = parameter.default
    if parameter.name == "max_concurrency":
        value = slot_limit(None, None)
    elif parameter.name in _LOOKED_UP:
        value = getattr(look_up(LambdaClientConfig(), _NO_FILES), parameter.name).value
    if value is None:
        return "none"
    return f"`{type(value).__name__}()`" if attrs.has(type(value)) else f"`{value!r}`"


if __name__ == "__main__":
    print("\n".join(setting_rows()))  # noqa: T201 - to be pasted into the page
