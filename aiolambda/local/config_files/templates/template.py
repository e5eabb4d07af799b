"""A template as its readers need it: the resources that a deployment creates, values without functions, errors and notes.

Must not know how a resource becomes a function of the endpoint.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import attrs

from ....errors import ConfigurationError
from ....types.mistakes import kind_of
from .intrinsics import Resolver
from .names import Names
from .parameters import parameter_values
from .resources import LOOP, Resource, resources_in, section
from .values import NO_VALUE, Unknown, Values, as_text, is_list, is_mapping, reason_in

__all__ = ["Properties", "Template"]


class Template:
    """A template, with notes about the parts that have no effect here."""

    def __init__(self, path: Path, document: Values, parameters: Mapping[str, str], region: str) -> None:
        self.path = path
        self.folder = path.resolve().parent
        self.notes = [
            f"{id}: the resources of the loop are left out"
            for id in section(path, document, "Resources")
            if id.startswith(LOOP)
        ]
        values = parameter_values(path, section(path, document, "Parameters"), parameters, region)
        resources = resources_in(path, document)
        self.names = Names(resources, values, self.resolve, region)
        conditions, mappings = section(path, document, "Conditions"), section(path, document, "Mappings")
        self._resolver = Resolver(self.names, conditions, mappings)
        for absent in [one for one in resources.values() if self._is_created(one) is False]:
            del resources[absent.id]
        self._resources = resources

    def resolve(self, value: object) -> object:
        """A value without functions. Its unknown parts are `Unknown`; an absent one is `None`."""
        resolved = self._resolver.resolve(value)
        return None if resolved is NO_VALUE else resolved

    def of_types(self, *types: str) -> Iterator[Resource]:
        """The resources of these types that a deployment creates, in the order of the template."""
        for resource in self._resources.values():
            if resource.type in types:
                if isinstance(created := self._is_created(resource), Unknown):
                    raise self.mistake(resource, f"its Condition cannot be decided, because {created.reason}")
                yield resource

    def _is_created(self, resource: Resource) -> bool | Unknown:
        return resource.condition is None or self._resolver.condition(resource.condition)

    def properties(self, resource: Resource) -> "Properties":
        """The properties of a resource."""
        return Properties(self, resource, "", resource.properties)

    def mistake(self, resource: Resource, text: str) -> ConfigurationError:
        """The error for a resource."""
        return ConfigurationError(f"{self.path}: resource {resource.id}: {text}")

    def note(self, resource: Resource, text: str) -> None:
        """Note that a part of a resource has no effect here."""
        self.notes.append(f"{resource.id}: {text}")


@attrs.frozen(eq=False)
class Properties:
    """Properties of a resource, or a mapping in them, evaluated when they are asked for.

    A property that is not known counts as absent, and is noted. `place` is the path of the mapping, such as
    `EventInvokeConfig.`.
    """

    template: Template
    resource: Resource
    place: str
    values: Values

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def value(self, name: str) -> object:
        """The value, whose parts may be `Unknown`; `None` if there is none, or it is not known at all."""
        value = self.template.resolve(self.values.get(name))
        if isinstance(value, Unknown):
            self.note(f"{name} is left out, because {value.reason}")
            return None
        return value

    def essential(self, name: str) -> object:
        """The value. `ConfigurationError` if there is none, or a part of it is not known."""
        value = self.template.resolve(self.values.get(name))
        reason = "the template does not have it" if value is None else reason_in(value)
        if reason is not None:
            raise self.template.mistake(self.resource, f"{self.place}{name} is needed, and is not known, because {reason}")
        return value

    def note(self, text: str) -> None:
        """Note what becomes of a part of the properties."""
        self.template.note(self.resource, f"{self.place}{text}")

    def text(self, name: str) -> str | None:
        """A text, or a number or truth as a text."""
        value = self.value(name)
        text = as_text(value)
        if value is not None and text is None:
            raise self.mistake(name, "a text", value)
        return text

    def whole(self, name: str) -> int | None:
        """A whole number, which may be a text, as the values of parameters are."""
        text = self.text(name)
        if text is None:
            return None
        if not (text.isascii() and text.isdecimal() and len(text) < 10):
            raise self.mistake(name, "a whole number", text)
        return int(text)

    def number(self, name: str) -> float | None:
        """A number, which may be a text."""
        text = self.text(name)
        try:
            return None if text is None else float(text)
        except ValueError:
            raise self.mistake(name, "a number", text) from None

    def mapping(self, name: str) -> "Properties":
        """A mapping; an empty one if there is none."""
        value = self.value(name)
        return self._part(name, {} if value is None else value)

    def items(self, name: str) -> list[object]:
        """The items of a list. Each may be `Unknown`."""
        value = self.value(name)
        if value is None:
            return []
        if not is_list(value):
            raise self.mistake(name, "a list", value)
        return value

    def mappings(self, name: str) -> "list[Properties]":
        """The mappings in a list."""
        return [self._part(name, item) for item in self.items(name)]

    def _part(self, name: str, value: object) -> "Properties":
        if not is_mapping(value):
            raise self.mistake(name, "a mapping", value)
        return Properties(self.template, self.resource, f"{self.place}{name}.", value)

    def mistake(self, name: str, expected: str, value: object) -> ConfigurationError:
        """The error for a value of another kind than expected."""
        return self.template.mistake(self.resource, f"{self.place}{name} must be {expected}; got {kind_of(value)}")
