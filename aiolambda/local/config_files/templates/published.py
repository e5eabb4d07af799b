"""The versions and aliases that a template publishes of a function, and the treatment of the function's events.

Law: each version has the code of the template; that of earlier deployments is on AWS only.

Must not know the other properties of a function.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ....errors import ConfigurationError
from ...event_config import EventInvokeConfig
from ...routing import LATEST
from .names import PUBLISHED_ALIAS, PUBLISHED_VERSION
from .resources import ALIAS, EVENT_CONFIG, VERSION
from .template import Properties

__all__ = ["events_of", "published_by", "resources_of"]


def published_by(function: Properties, root: Path) -> dict[str, Any]:
    """The members `versions` and `aliases` of a function whose code is in `root`."""
    names = function.template.names
    versions = {names.version_number(version.resource): root for version in resources_of(function, VERSION)}
    aliases: dict[str, dict[str, float]] = {}
    if (published := function.text(PUBLISHED_ALIAS)) is not None:
        versions[PUBLISHED_VERSION] = root
        aliases[published] = {PUBLISHED_VERSION: 1.0}
    for alias in resources_of(function, ALIAS):
        name, route = alias.text("Name"), _route(alias)
        if name is None or not route:
            alias.note("the alias is left out, because its name or its version is not known")
            continue
        aliases[name] = route
        for version in [version for version in route if version not in {LATEST, *versions}]:
            versions[version] = root
            alias.note(f"version {version} is not in the template, and has the code of the template")
    return {"versions": versions, "aliases": aliases}


def events_of(function: Properties) -> EventInvokeConfig:
    """The retries, the age limit and the destinations of a function's events."""
    for queue in ("DeadLetterQueue", "DeadLetterConfig"):
        if queue in function:
            function.note(f"{queue} is left out, because no queue is served")
    first, *others = [*resources_of(function, EVENT_CONFIG), function.mapping("EventInvokeConfig")]
    for other in others:
        if other.values:
            other.note("the configuration is left out, because the function has another one")
    return _events(first)


def _events(config: Properties) -> EventInvokeConfig:
    destinations = config.mapping("DestinationConfig")
    given = {
        "maximum_retry_attempts": config.whole("MaximumRetryAttempts"),
        "maximum_event_age": config.whole("MaximumEventAgeInSeconds"),
        "on_success": _destination(destinations.mapping("OnSuccess")),
        "on_failure": _destination(destinations.mapping("OnFailure")),
    }
    members: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    try:
        return EventInvokeConfig(**members)
    except ConfigurationError as error:
        raise config.template.mistake(config.resource, f"EventInvokeConfig: {error}") from None


def _destination(properties: Properties) -> str | None:
    """The function of the template that is the destination, as `NAME` or `NAME:QUALIFIER`."""
    target = properties.value("Destination")
    found = properties.template.names.function_of(target)
    if found is not None:
        function, qualifier = found
        name = properties.template.names.function_name(function)
        return name if qualifier is None else f"{name}:{qualifier}"
    if target is not None or ("Type" in properties and "Destination" not in properties):
        properties.note("Destination is left out, because it is not a function of the template")
    return None


def _route(alias: Properties) -> dict[str, float]:
    """The versions of an alias with their shares; none if a version is not known."""
    main = alias.text("FunctionVersion")
    others = alias.mapping("RoutingConfig").mappings("AdditionalVersionWeights")
    shares = {other.text("FunctionVersion"): other.number("FunctionWeight") for other in others}
    route = {version: share for version, share in shares.items() if version is not None and share is not None}
    if main is None or len(route) < len(others):
        return {}
    return {main: 1 - sum(route.values()), **route} if route else {main: 1.0}


def resources_of(function: Properties, type: str) -> Iterator[Properties]:
    """The resources of a type that belong to a function."""
    template = function.template
    owned = (one for one in template.of_types(type) if template.names.owner_of(one) is function.resource)
    return map(template.properties, owned)
