"""The functions of a template as `LocalFunction`s: code, limits, environment, layers, logging.

Must not know versions, aliases and events.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from ....errors import ConfigurationError
from ....types.mistakes import nearest
from ...durable_config import DurableConfig
from ...functions import LocalFunction
from ..function_file import make_function
from .code import folder_of_function, folder_of_layer
from .published import events_of, published_by
from .resources import Resource
from .template import Properties, Template
from .urls import url_of
from .values import Unknown, as_text

__all__ = ["read_function"]

_PROPERTIES = {
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
_READ = (
    *("AutoPublishAlias", "Code", "CodeUri", "DurableConfig", "Environment", "EventInvokeConfig", "FunctionName"),
    *(
        "FunctionUrlConfig",
        "Handler",
        "InlineCode",
        "Layers",
        "LoggingConfig",
        "MemorySize",
        "PackageType",
        "RecursiveLoop",
        "ReservedConcurrentExecutions",
    ),
    *("Runtime", "TenancyConfig", "Timeout"),
)
"""The properties that count here. All others have no effect."""
_LIKENESS = 0.8
"""No property that CloudFormation has is so near to another one."""
_PYTHON = "python"


def read_function(
    template: Template, resource: Resource, *, environment: Mapping[str, str], runtime: tuple[str, ...] | None
) -> LocalFunction | None:
    """A function of a template; `None`, with a note, if it cannot be served.

    Args:
        template: The template.
        resource: The function.
        environment: The variables that stand in for values of the template that are not known.
        runtime: The command for a function in another language than Python; `None` if there is none.
    """
    properties = template.properties(resource)
    language = properties.text("Runtime") or _PYTHON
    is_python = language.startswith(_PYTHON)
    if properties.text("PackageType") == "Image":
        root: Path | Unknown = Unknown("it is a container image")
    elif not is_python and runtime is None:
        root = Unknown(f"its runtime is {language}, and no command runs it")
    else:
        root = folder_of_function(properties)
    if isinstance(root, Unknown):
        template.note(resource, f"the function is not served, because {root.reason}")
        return None
    _note_misspelt(properties)
    members = {
        **_settings(properties),
        "name": _name(properties),
        "handler": _handler(properties),
        "root": root,
        "runtime": None if is_python else runtime,
        "environment": dict(_variables(properties, environment)),
        "layers": tuple(_layers(properties)),
        "events": events_of(properties),
        "url": url_of(properties),
        **published_by(properties, root),
    }
    return make_function(members, lambda member: f"{template.path}: resource {resource.id}: {_PROPERTIES.get(member, member)}")


def _note_misspelt(properties: Properties) -> None:
    for name in properties.values:
        meant = None if name in _READ else nearest(name, _READ, likeness=_LIKENESS)
        if meant is not None:
            properties.note(f"{name} is left out, because a function has no such property; did you mean {meant}?")


def _settings(properties: Properties) -> dict[str, object]:
    """The members that the properties set; the others keep their defaults."""
    logging = properties.mapping("LoggingConfig")
    loop = properties.text("RecursiveLoop")
    given = {
        "concurrency": properties.whole("ReservedConcurrentExecutions"),
        "durable": _durable(properties),
        "log_format": logging.text("LogFormat"),
        "log_level": logging.text("ApplicationLogLevel"),
        "memory_size": properties.whole("MemorySize"),
        "recursive_loop": None if loop is None else loop.capitalize(),
        "tenant_isolation": properties.mapping("TenancyConfig").text("TenantIsolationMode") == "PER_TENANT",
        "timeout": properties.whole("Timeout"),
    }
    return {member: value for member, value in given.items() if value is not None}


def _durable(properties: Properties) -> DurableConfig | None:
    """The limits of the executions of a durable function; `None` for all others."""
    config = properties.mapping("DurableConfig")
    if not config.values:
        return None
    given = {"execution_timeout": config.whole("ExecutionTimeout"), "retention_days": config.whole("RetentionPeriodInDays")}
    try:
        return DurableConfig(**{member: value for member, value in given.items() if value is not None})
    except ConfigurationError as error:
        raise properties.template.mistake(properties.resource, f"DurableConfig: {error}") from None


def _name(properties: Properties) -> str:
    properties.text("FunctionName")  # which is noted if it is not known
    return properties.template.names.function_name(properties.resource)


def _handler(properties: Properties) -> str:
    handler = properties.essential("Handler")
    if not isinstance(handler, str):
        raise properties.mistake("Handler", "a text", handler)
    return handler


def _layers(properties: Properties) -> Iterator[Path]:
    """The folders of the layers that are on this machine."""
    for item in properties.items("Layers"):
        folder = _layer(properties.template, item)
        if isinstance(folder, Unknown):
            properties.template.note(properties.resource, f"a layer is left out, because {folder.reason}")
        else:
            yield folder


def _layer(template: Template, arn: object) -> Path | Unknown:
    if isinstance(arn, Unknown):
        return arn
    layer = template.names.layer_of(arn)
    return Unknown(f"{arn} is not in the template") if layer is None else folder_of_layer(template.properties(layer))


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
            variables.note(f"{name} has the value of this program's environment, because {value.reason}")
        else:
            variables.note(f"{name} is left out, because {value.reason}; set {name} in the environment of this program")
