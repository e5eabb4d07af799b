"""A project with a template: code in `src` and `other`, a layer in `layer`."""

from collections.abc import Callable
from pathlib import Path

import pytest

from aiolambda.local.config_files import FunctionFile, load_functions

Read = Callable[..., FunctionFile]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in ("src", "other", "layer/python"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "src.zip").touch()
    return tmp_path


@pytest.fixture
def read(project: Path) -> Read:
    """Reads a template of the project from its text."""

    def read(text: str, name: str = "template.yaml", **arguments: object) -> FunctionFile:
        (project / name).write_text(text)
        return load_functions(project / name, **{"environment": {}, **arguments})

    return read
