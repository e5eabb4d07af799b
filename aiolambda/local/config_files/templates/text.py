"""The text of a template, in JSON or YAML, as plain values.

Laws: a value has at most 100 levels, and a key stands once in its mapping. No error shows a value.

Must not know the sections of a template.
"""

import json
from collections.abc import Iterable
from pathlib import Path

from ....errors import ConfigurationError
from .values import Values, is_mapping, parts_of

__all__ = ["MOST_LEVELS", "parse_template", "repeated_key", "too_large"]

MOST_LEVELS = 100


def parse_template(path: Path, text: str) -> Values:
    """The mapping that a template is. `ConfigurationError` names the line that is wrong."""
    try:
        value = _from_json(path, text) if text.lstrip().startswith("{") else _from_yaml(path, text)
    except RecursionError:
        raise too_large(path) from None
    if not is_mapping(value):
        raise ConfigurationError(f"{path} is not a template; a template is a mapping with the key Resources")
    return value


def repeated_key(place: object, key: str) -> ConfigurationError:
    """The error for a key that stands twice in a mapping. `place` is the file, with the line if it is known."""
    return ConfigurationError(f"{place}: the key {key!r} stands twice in a mapping; remove one of them")


def too_large(path: Path) -> ConfigurationError:
    """The error for values that are nested too deeply, or repeated too often by aliases."""
    return ConfigurationError(f"{path}: the values are nested in more than {MOST_LEVELS} levels, or repeated too often")


def _from_json(path: Path, text: str) -> object:
    def mapping(pairs: Iterable[tuple[str, object]]) -> dict[str, object]:
        values: dict[str, object] = {}
        for key, value in pairs:
            if key in values:
                raise repeated_key(path, key)
            values[key] = value
        return values

    try:
        value = json.loads(text, object_pairs_hook=mapping)
    except json.JSONDecodeError as error:
        if path.suffix.lower() in {".yaml", ".yml"}:
            return _from_yaml(path, text)  # a mapping of YAML can begin like this
        raise ConfigurationError(f"{path}, line {error.lineno}, column {error.colno}: {error.msg}") from None
    except ValueError as error:  # a number with thousands of digits
        raise ConfigurationError(f"{path}: {error}") from None
    _check_levels(path, value)
    return value


def _from_yaml(path: Path, text: str) -> object:
    from .yaml_text import parse_yaml  # noqa: PLC0415 - needs the extra `sam`

    return parse_yaml(path, text)


def _check_levels(path: Path, value: object) -> None:
    level = [value]
    for _ in range(MOST_LEVELS):
        level = [part for whole in level for part in parts_of(whole)]
        if not level:
            return
    raise too_large(path)
