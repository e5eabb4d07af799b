"""The one entry point for files of functions: it tells the kinds of files apart.

Must not know the content of either kind.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from ...errors import ConfigurationError
from .function_file import FunctionFile, read_text
from .toml_file import read_toml

__all__ = ["load_functions"]

_TEMPLATE_SUFFIXES = frozenset({".json", ".template", ".yaml", ".yml"})
_TEMPLATE_SECTION = re.compile(r"""^(Resources|AWSTemplateFormatVersion|Transform)[ \t]*:""", re.MULTILINE)


def load_functions(
    path: Path,
    *,
    parameters: Mapping[str, str] = {},
    environment: Mapping[str, str],
) -> FunctionFile:
    """Read the functions of a TOML file, or of an AWS SAM or CloudFormation template in YAML or JSON.

    ::

        import os
        from pathlib import Path

        from aiolambda.local import LocalEndpoint
        from aiolambda.local.config_files import load_functions

        file = load_functions(Path("aiolambda.toml"), environment=os.environ)
        endpoint = LocalEndpoint(file.functions)

    Args:
        path: The file. Its suffix tells the kind, or its content if the suffix is another than `.toml`, `.yaml`, `.yml`,
            `.json` and `.template`.
        parameters: The parameters of the template, by name. Default: those that the template has itself.
        environment: The variables from which functions may take values: `os.environ`.

    Raises:
        ConfigurationError: The file cannot be read, or a part of it is wrong. The error names the part.
    """
    text = read_text(path)
    if path.suffix.lower() in _TEMPLATE_SUFFIXES or _is_template(path, text):
        raise ConfigurationError(f"{path}: templates cannot be read yet")
    if parameters:
        raise ConfigurationError(f"{path}: parameters are for templates; a TOML file has none")
    return read_toml(path, text, environment)


def _is_template(path: Path, text: str) -> bool:
    if path.suffix.lower() == ".toml":
        return False
    return text.lstrip().startswith("{") or _TEMPLATE_SECTION.search(text) is not None
