"""A template from its text to its functions, with notes about the parts that have no effect here.

Must not know the properties of a function.
"""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from ....errors import ConfigurationError
from ...functions import LocalFunction
from ..function_file import FunctionFile
from .functions import read_function
from .resources import ALIAS, EVENT_CONFIG, FUNCTIONS, URL, VERSION, Resource
from .template import Template
from .text import parse_template, too_large

__all__ = ["read_template"]

_NESTED = ("AWS::CloudFormation::Stack", "AWS::Serverless::Application")


def read_template(
    path: Path,
    text: str,
    *,
    parameters: Mapping[str, str],
    region: str,
    environment: Mapping[str, str],
    runtime: tuple[str, ...] | None,
) -> FunctionFile:
    """The functions of a template. `ConfigurationError` names the resource that is wrong."""
    document = parse_template(path, text)
    try:
        template = Template(path, document, parameters, region)
        return _functions(template, partial(read_function, template, environment=environment, runtime=runtime))
    except RecursionError:  # a chain of hundreds of names or conditions
        raise too_large(path) from None


def _functions(template: Template, read: Callable[[Resource], LocalFunction | None]) -> FunctionFile:
    for resource in template.of_types(*_NESTED):
        template.note(resource, "the stack is left out; its template is another file")
    for resource in template.of_types(VERSION, ALIAS, EVENT_CONFIG, URL):
        if template.names.owner_of(resource) is None:
            template.note(resource, "it is left out, because its function is not in the template")
    functions: dict[str, LocalFunction] = {}
    for function in filter(None, map(read, template.of_types(*FUNCTIONS))):
        if function.name in functions:
            raise ConfigurationError(f"{template.path}: two functions have the name {function.name}")
        functions[function.name] = function
    if not functions:
        raise ConfigurationError("; ".join([f"{template.path} has no function that can be served", *template.notes]))
    return FunctionFile(functions=tuple(functions.values()), notes=tuple(template.notes), files=(template.path,))
