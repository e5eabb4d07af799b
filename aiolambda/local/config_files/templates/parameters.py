"""The parameters of a template and the pseudo parameters of CloudFormation, with their values.

Must not know how a value is used.
"""

from collections.abc import Mapping
from pathlib import Path

from ....emulation.identifiers import ACCOUNT
from ....errors import ConfigurationError
from ....protocol.endpoints import partition_of
from ....types.mistakes import choices_text, unknown_name
from .values import NO_VALUE, Unknown, Values, as_text, is_list, is_mapping

__all__ = ["parameter_values"]

_STACK_NAME = "AWS::StackName"
_STACK = "local"
"""The name of the stack if none is given, as in AWS SAM's local commands."""


def parameter_values(path: Path, declared: Values, given: Mapping[str, str], region: str) -> dict[str, object]:
    """The value of each parameter: a given one, the default, or `Unknown`. `ConfigurationError` if a given one cannot be."""
    known = (*declared, _STACK_NAME)
    for name, text in given.items():
        if name not in known:
            raise ConfigurationError(unknown_name(f"{path}: the template", "parameter", name, known))
        _check_is_allowed(path, name, text, declared.get(name))
    values = {name: _value(name, declaration, given) for name, declaration in declared.items()}
    return {**values, **_pseudo_parameters(region, stack=given.get(_STACK_NAME, _STACK))}


def _pseudo_parameters(region: str, stack: str) -> dict[str, object]:
    partition = partition_of(region)
    return {
        "AWS::AccountId": ACCOUNT,
        "AWS::NoValue": NO_VALUE,
        "AWS::NotificationARNs": list[object](),
        "AWS::Partition": partition.id,
        "AWS::Region": region,
        "AWS::StackId": f"arn:{partition.id}:cloudformation:{region}:{ACCOUNT}:stack/{stack}/{stack}",
        _STACK_NAME: stack,
        "AWS::URLSuffix": partition.dns_suffix,
    }


def _value(name: str, declaration: object, given: Mapping[str, str]) -> object:
    properties: Values = declaration if is_mapping(declaration) else {}
    kind = properties.get("Type")
    kind = kind if isinstance(kind, str) else ""
    if name not in given and kind.startswith("AWS::SSM::Parameter::Value<"):
        return Unknown(f"the parameter {name} is read from AWS")
    value = given.get(name, properties.get("Default"))
    text = as_text(value)
    if text is None:
        return Unknown(f"the parameter {name} has neither a value nor a default")
    is_list = kind == "CommaDelimitedList" or kind.startswith("List<") or "Value<List<" in kind
    return [item.strip() for item in text.split(",")] if is_list else value


def _check_is_allowed(path: Path, name: str, text: str, declaration: object) -> None:
    allowed = declaration.get("AllowedValues") if is_mapping(declaration) else None
    if not is_list(allowed):
        return
    choices = [choice for value in allowed if (choice := as_text(value)) is not None]
    if text not in choices:
        raise ConfigurationError(f"{path}: the parameter {name} must be one of its values; {choices_text(text, choices)}")
