"""The functions of a template as `LocalFunction`s: code, limits, environment, layers, logging.

Must not know versions, aliases and events.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import attrs

from ...functions import LocalFunction
from ..function_file import existing_path, make_function
from .published import events_of, published_by
from .resources import SERVERLESS_FUNCTION, Resource
from .template import Properties, Template
from .values import Unknown, as_text, is_mapping

__all__ = ["Surroundings", "read_function"]

_MEMBERS = {
    "name": "FunctionName",
    "handler": "Handler",
    "timeout": "Timeout",
    "memory_size": "MemorySize",
    "concurrency": "ReservedConcurrentExecutions",
    "environment": "Environment",
    "log_format": "LoggingConfig.LogFormat",
    "log_level": "LoggingConfig.ApplicationLogLevel",
    "recursive_loop": "RecursiveLoop",
}
"""The property of each member that `LocalFunction` may refuse."""
_WHOLE = ("timeout", "memory_size", "concurrency")
_ASSET = "aws:asset:path"
"""The metadata that the AWS CDK writes: the folder of the code that a deployment uploads."""
_REMOTE = ("s3://", "http://", "https://")


@attrs.frozen
class Surroundings:
    """What a template does not say.

    Args:
        environment: The variables that may stand in for values of the template that are not known.
        runtime: The command that runs functions in other languages than Python; `None` if there is none.
    """

    environment: Mapping[str, str] = attrs.field(repr=False)
    runtime: tuple[str, ...] | None


def read_function(template: Template, resource: Resource, surroundings: Surroundings) -> LocalFunction | None:
    """A function of a template; `None`, with a note, if it cannot be served."""
    properties = template.properties(resource)
    is_python = (properties.text("Runtime") or "python").startswith("python")
    reason = _obstacle(properties, is_served=is_python or surroundings.runtime is not None)
    if reason is not None:
        template.note(resource, f"the function is not served, because {reason}")
        return None
    root = _folder_of_code(properties)
    logging = properties.mapping("LoggingConfig")
    given = {
        "concurrency": properties.whole("ReservedConcurrentExecutions"),
        "log_format": logging.text("LogFormat"),
        "log_level": logging.text("ApplicationLogLevel"),
        "memory_size": properties.whole("MemorySize"),
        "recursive_loop": properties.text("RecursiveLoop"),
        "runtime": None if is_python else surroundings.runtime,
        "timeout": properties.whole("Timeout"),
    }
    members = {
        "name": _name(properties),
        "handler": _handler(properties),
        "root": root,
        "environment": dict(_variables(properties, surroundings.environment)),
        "layers": tuple(_layers(properties)),
        "tenant_isolation": properties.mapping("TenancyConfig").text("TenantIsolationMode") == "PER_TENANT",
        "durable": bool(properties.mapping("DurableConfig").values),
        "events": events_of(properties),
        **published_by(properties, root),
        **{member: value for member, value in given.items() if value is not None},
    }
    return make_function(members, lambda member: f"{template.path}: resource {resource.id}: {_MEMBERS.get(member, member)}")


def _obstacle(properties: Properties, *, is_served: bool) -> str | None:
    """Why a function cannot be served here; `None` if it can."""
    if properties.text("PackageType") == "Image":
        return "it is a container image"
    code = properties.values.get("Code")
    if "InlineCode" in properties or (is_mapping(code) and "ZipFile" in code):
        return "its code is in the template; move it to a file, and name the folder of the file"
    return None if is_served else f"its runtime is {properties.text('Runtime')}, and no command runs it"


def _name(properties: Properties) -> str:
    properties.text("FunctionName")  # which is noted if it is not known
    return properties.template.names.function_name(properties.resource)


def _handler(properties: Properties) -> str:
    handler = properties.essential("Handler")
    if not isinstance(handler, str):
        raise properties.mistake("Handler", "a text", handler)
    return handler


def _folder_of_code(properties: Properties) -> Path:
    is_serverless = properties.resource.type == SERVERLESS_FUNCTION
    name = "CodeUri" if is_serverless else "Code"
    return _folder(properties, name, "." if is_serverless and name not in properties else properties.essential(name))


def _folder(properties: Properties, name: str, value: object) -> Path:
    """The folder of the code of a function or layer."""
    asset = properties.resource.metadata.get(_ASSET)
    location = asset if isinstance(asset, str) else value
    place = f"{properties.place}{name}"
    if not isinstance(location, str) or location.startswith(_REMOTE):
        raise properties.template.mistake(
            properties.resource, f"{place} must be a folder on this machine; the code is elsewhere"
        )
    path = existing_path(location, properties.template.folder)
    if path is None or not path.is_dir():
        kind = "does not exist" if path is None else "is a file; unpack it, and name the folder"
        raise properties.template.mistake(properties.resource, f"{place} must be a folder; {location!r} {kind}")
    return path


def _layers(properties: Properties) -> Iterator[Path]:
    """The folders of the layers that are on this machine."""
    for item in properties.items("Layers"):
        layer = properties.template.names.layer_of(item)
        if layer is None:
            reason = item.reason if isinstance(item, Unknown) else f"{item} is not in the template"
            properties.template.note(properties.resource, f"a layer is left out, because {reason}")
            continue
        content = properties.template.properties(layer)
        name = "ContentUri" if "ContentUri" in content else "Content"
        yield _folder(content, name, content.essential(name))


def _variables(properties: Properties, environment: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The variables of a function. `environment` has the values of those that the template does not tell."""
    variables = properties.mapping("Environment").mapping("Variables")
    for name, value in variables.values.items():
        text = as_text(value)
        if text is not None:
            yield name, text
        elif not isinstance(value, Unknown):
            raise variables.mistake(name, "a text", value)
        elif name in environment:
            yield name, environment[name]
        else:
            variables.note(f"{name} is left out", value)
