"""The one entry point for files of functions: it tells the kinds of files apart.

Must not know the content of either kind.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from ...errors import ConfigurationError
from .function_file import FunctionFile, read_text
from .templates import read_template
from .toml_file import read_toml

__all__ = ["load_functions"]

_SUFFIXES = {".json": True, ".template": True, ".toml": False, ".yaml": True, ".yml": True}
"""The suffixes that tell the kind: whether the file is a template."""
_SECTION = re.compile(r"""^(Resources|AWSTemplateFormatVersion|Transform)[ \t]*:""", re.MULTILINE)


def load_functions(
    path: str | os.PathLike[str],
    *,
    environment: Mapping[str, str],
    parameters: Mapping[str, str] = MappingProxyType({}),
    region: str = "us-east-1",
    runtime: tuple[str, ...] | None = None,
) -> FunctionFile:
    """Read the functions of a TOML file, or of an AWS SAM or CloudFormation template in YAML or JSON.

    ::

        import os

        from aiolambda.local import LocalEndpoint
        from aiolambda.local.config_files import load_functions

        file = load_functions("aiolambda.toml", environment=os.environ)
        endpoint = LocalEndpoint(file.functions)

    Args:
        path: The file. Its suffix tells the kind, or its content if the suffix is another than `.toml`, `.yaml`, `.yml`,
            `.json` and `.template`.
        environment: The variables from which functions may take values: `os.environ`.
        parameters: Values of the template's parameters, by name. Default: the defaults of the template.
        region: The region that `AWS::Region` stands for in a template. Default `"us-east-1"`, which functions see by default.
        runtime: The command for the functions of a template in other languages than Python.
            Default `None`: they are left out, with a note.

    Raises:
        ConfigurationError: The file cannot be read, or a part of it is wrong. The error names the part.
    """
    path = Path(path)
    text = read_text(path)
    if _is_template(path, text):
        return read_template(path, text, parameters=parameters, region=region, environment=environment, runtime=runtime)
    if parameters:
        raise ConfigurationError(f"{path}: parameters are for templates; a TOML file has none")
    return read_toml(path, text, environment)


def _is_template(path: Path, text: str) -> bool:
    suffix = path.suffix.lower()
    if suffix in _SUFFIXES:
        return _SUFFIXES[suffix]
    return text.lstrip().startswith("{") or _SECTION.search(text) is not None
