"""Which kind a file is, and what reading it needs."""

import subprocess
import sys

import pytest

from aiolambda import ConfigurationError
from aiolambda.local.config_files import load_functions

TOML = "[functions.orders]\nhandler = 'a.b'"
YAML = "Resources: {orders: {Type: AWS::Serverless::Function, Properties: {Handler: a.b}}}"
JSON = '{"Resources": {"orders": {"Type": "AWS::Serverless::Function", "Properties": {"Handler": "a.b"}}}}'


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("functions.toml", TOML),
        ("FUNCTIONS.TOML", TOML),
        ("functions.conf", TOML),
        ("functions", TOML),
        ("template.yaml", YAML),
        ("template.YML", YAML),
        ("stack.template", YAML),
        ("stack", YAML),
        ("stack.conf", f"# SAM\n{YAML}"),
        ("stack.json", JSON),
        ("stack.template", JSON),
        ("stack.yaml", JSON),
        ("stack", f"\ufeff\n{JSON}"),
    ],
)
def test_kind_is_told_by_suffix_or_content(tmp_path, name, text):
    (tmp_path / name).write_text(text, encoding="utf-8")
    for path in (tmp_path / name, str(tmp_path / name)):
        assert [function.name for function in load_functions(path, environment={}).functions] == ["orders"]


@pytest.mark.parametrize("name", ["missing.toml", "missing.yaml", "missing", "a\0b.toml", "folder", "folder/a.toml/b.toml"])
def test_file_that_cannot_be_read_is_named(tmp_path, name):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a.toml").touch()
    with pytest.raises(ConfigurationError, match="cannot read the file .*; write the path of an existing file"):
        load_functions(tmp_path / name, environment={})


def test_parameters_of_a_toml_file_are_refused(tmp_path):
    (tmp_path / "a.toml").write_text(TOML)
    with pytest.raises(ConfigurationError, match=r"a\.toml: parameters are for templates; a TOML file has none"):
        load_functions(tmp_path / "a.toml", environment={}, parameters={"Stage": "dev"})


def test_missing_extra_is_named(tmp_path):
    (tmp_path / "template.yaml").write_text("Resources: {}")
    (tmp_path / "template.json").write_text('{"Resources": {}}')
    code = f"""
import sys
sys.modules["yaml"] = None
from pathlib import Path
from aiolambda import ConfigurationError
from aiolambda.local.config_files import load_functions
for name in ("yaml", "json"):
    try:
        load_functions(Path({str(tmp_path)!r}) / f"template.{{name}}", environment={{}})
    except ConfigurationError as error:
        print(error)
"""
    printed = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True).stdout
    yaml, json = printed.splitlines()
    assert "reading a template in YAML needs PyYAML: install aiolambda-client with its extra 'sam'" in yaml
    assert "has no function that can be served" in json


def test_nothing_is_loaded_before_it_is_needed():
    code = "import sys, aiolambda.local; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"aiolambda.local.config_files", "tomllib", "yaml"} & set(loaded)
    code = "import sys, aiolambda.local.config_files; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "yaml" not in loaded
