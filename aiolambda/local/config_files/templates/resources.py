"""The resources of a template, with the settings of the section `Globals` of AWS SAM.

Must not know the functions in values.
Source: "Globals section of the AWS SAM template" of the AWS SAM developer guide.
"""

from pathlib import Path

import attrs

from ....errors import ConfigurationError
from ....types.mistakes import kind_of
from .values import Values, function_in, is_list, is_mapping

__all__ = [
    "ALIAS",
    "EVENT_CONFIG",
    "FUNCTIONS",
    "LAYERS",
    "LOOP",
    "SERVERLESS_FUNCTION",
    "URL",
    "VERSION",
    "Resource",
    "resources_in",
    "section",
]

SERVERLESS_FUNCTION = "AWS::Serverless::Function"
FUNCTIONS = (SERVERLESS_FUNCTION, "AWS::Lambda::Function")
LAYERS = ("AWS::Serverless::LayerVersion", "AWS::Lambda::LayerVersion")
VERSION = "AWS::Lambda::Version"
ALIAS = "AWS::Lambda::Alias"
EVENT_CONFIG = "AWS::Lambda::EventInvokeConfig"
URL = "AWS::Lambda::Url"
LOOP = "Fn::ForEach"
"""A loop in place of a resource: `Fn::ForEach::NAME`."""


@attrs.frozen(eq=False)
class Resource:
    """A resource of a template. Its values may call functions."""

    id: str
    type: str
    properties: Values
    metadata: Values
    condition: object
    """The name of a condition, or `None`."""


def section(path: Path, document: Values, name: str, *, of: str = "") -> Values:
    """A section of a template, or a mapping in it; an empty mapping if there is none."""
    value = document.get(name)
    if value is None:
        return {}
    if not is_mapping(value):
        raise ConfigurationError(f"{path}: {of}{name} must be a mapping; got {kind_of(value)}")
    return value


def resources_in(path: Path, document: Values) -> dict[str, Resource]:
    """The resources of a template, by their logical ids."""
    shared = section(path, section(path, document, "Globals"), "Function", of="Globals: ")
    contents = section(path, document, "Resources")
    return {
        id: _resource(path, id, section(path, contents, id, of="resource "), shared)
        for id in contents
        if not id.startswith(LOOP)
    }


def _resource(path: Path, id: str, content: Values, shared: Values) -> Resource:
    of = f"resource {id}: "
    properties = section(path, content, "Properties", of=of)
    type = content.get("Type")
    if type == SERVERLESS_FUNCTION:
        properties = _merged(_shared_with(content.get("IgnoreGlobals"), shared), properties)
    return Resource(
        id=id,
        type=type if isinstance(type, str) else "",
        properties=properties,
        metadata=section(path, content, "Metadata", of=of),
        condition=content.get("Condition"),
    )


def _shared_with(ignored: object, shared: Values) -> Values:
    """The settings of `Globals` that a resource shares: not those that its `IgnoreGlobals` lists, and none if that is `*`."""
    names = ignored if is_list(ignored) else []
    return {} if ignored == "*" else {name: value for name, value in shared.items() if name not in names}


def _merged(shared: Values, own: Values) -> Values:
    """Own values win, mappings are merged, lists are appended to the shared ones."""
    return {**shared, **{key: _combined(shared[key], value) if key in shared else value for key, value in own.items()}}


def _combined(shared: object, own: object) -> object:
    if is_list(shared) and is_list(own):
        return [*shared, *own]
    if is_mapping(shared) and is_mapping(own) and not (function_in(shared) or function_in(own)):
        return _merged(shared, own)
    return own
