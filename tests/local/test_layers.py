"""Layers: their modules, programs and libraries are found as on Lambda, where they are unpacked into /opt."""

import os
import sys

import pytest

from aiolambda import ConfigurationError
from aiolambda.local import LocalFunction
from aiolambda.local.runtime.layers import with_layers

from ..support.local import AWS_RUNTIME, both_runtimes, function, needs_awslambdaric, serving

SITE_PACKAGES = f"python/lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"
HANDLER = """
import os, sys

def handler(event, context):
    found = {name: __import__(name).VALUE for name in event["modules"]}
    paths = {name: os.environ.get(name) for name in ("PATH", "LD_LIBRARY_PATH", "NODE_PATH", "PYTHONPATH")}
    return {"found": found, "path": sys.path, **paths}
"""


def write(path, text=""):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.fixture
def root(tmp_path):
    write(tmp_path / "src/module.py", HANDLER)
    return tmp_path / "src"


def layer_in(folder, **modules):
    """A layer whose modules have a value; `__` in a name stands for `/`."""
    for name, value in modules.items():
        write(folder / f"{name.replace('__', '/')}.py", f"VALUE = {value!r}")
    return folder


async def described(root, layers, *modules, **settings):
    async with serving(function(handler="module.handler", root=root, layers=layers, **settings)) as invoke:
        answer = await invoke(payload={"modules": modules})
    assert answer.error is None, answer.body
    return answer.json()


@both_runtimes
async def test_a_later_layer_wins_and_the_function_wins_over_both(root, tmp_path, runtime):
    write(root / "own.py", "VALUE = 'function'")
    low = layer_in(tmp_path / "low", python__both="low", python__only="low", python__own="low")
    high = layer_in(tmp_path / "high", python__both="high", python__own="high")
    seen = await described(root, [low, high], "both", "only", "own", runtime=runtime)
    assert seen["found"] == {"both": "high", "only": "low", "own": "function"}


@both_runtimes
async def test_site_packages_come_before_other_modules(root, tmp_path, runtime):
    """As in the module path of Lambda, so the lower layer wins here."""
    low, high = tmp_path / "low", layer_in(tmp_path / "high", python__both="high")
    write(low / SITE_PACKAGES / "both.py", "VALUE = 'low'")
    seen = await described(root, [low, high], "both", runtime=runtime)
    assert seen["found"] == {"both": "low"}


async def test_the_module_path_has_the_order_of_lambda(root, tmp_path):
    layers = [tmp_path / name for name in ("low", "high")]
    for layer in layers:
        (layer / SITE_PACKAGES).mkdir(parents=True)
    seen = await described(root, layers)
    low, high = map(str, layers)
    found = [f"{high}/{SITE_PACKAGES}", f"{low}/{SITE_PACKAGES}", f"{high}/python", f"{low}/python"]
    assert seen["path"][:5] == [str(root), *found]
    assert not any(low in path for path in (seen["PYTHONPATH"] or "", *seen["path"][5:]))


@both_runtimes
async def test_a_folder_without_parts_is_a_module_folder(root, tmp_path, runtime):
    seen = await described(root, [layer_in(tmp_path / "modules", plain="found")], "plain", runtime=runtime)
    assert seen["found"] == {"plain": "found"}


async def test_a_layer_cannot_break_the_runtime(root, tmp_path):
    layer = tmp_path / "layer"
    for name in ("json", "logging", "socket", "typing", "decimal", "traceback"):
        write(layer / "python" / f"{name}.py", "raise RuntimeError('not the standard library')")
    await described(root, [layer])


@needs_awslambdaric
async def test_variables_of_the_function_stay_behind_its_layers(root, tmp_path):
    own = layer_in(tmp_path / "own", both="own")
    layer = layer_in(tmp_path / "layer", python__both="layer")
    settings = {"environment": {"PYTHONPATH": f"{own}:{os.environ.get('PYTHONPATH', '')}"}, "runtime": AWS_RUNTIME}
    assert (await described(root, [layer], "both", **settings))["found"] == {"both": "layer"}


async def test_programs_and_libraries_of_layers_come_last(root, tmp_path):
    layers = [tmp_path / name for name in ("low", "high")]
    for layer in layers:
        write(layer / "bin/tool")
        write(layer / "lib/libtool.so")
    low, high = map(str, layers)
    seen = await described(root, layers, environment={"LD_LIBRARY_PATH": "/own"})
    assert seen["PATH"] == f"{os.environ['PATH']}:{high}/bin:{low}/bin"
    assert seen["LD_LIBRARY_PATH"] == f"/own:{high}/lib:{low}/lib"


def test_node_finds_the_newest_folder_of_a_layer_first(tmp_path):
    for part in ("nodejs/node_modules", "nodejs/node9/node_modules", "nodejs/node22/node_modules", "nodejs/nodes"):
        (tmp_path / "layer" / part).mkdir(parents=True)
    (tmp_path / "plain").mkdir()
    layers = [tmp_path / "plain", tmp_path / "layer"]
    nodejs = tmp_path / "layer/nodejs"
    folders = [nodejs / "node22/node_modules", nodejs / "node9/node_modules", nodejs / "node_modules", tmp_path / "plain"]
    expected = ":".join([*map(str, folders), "/inherited"])
    assert with_layers({"NODE_PATH": "/inherited"}, layers, for_python=False) == {"NODE_PATH": expected}


def test_without_layers_the_variables_stay_as_they_are():
    variables = {"PATH": "/bin:", "PYTHONPATH": ""}
    assert with_layers(variables, [], for_python=True) == variables


@pytest.mark.parametrize(
    ("layer", "said"),
    [
        ("missing", "the layer '.*missing' is not a folder; unpack the layer"),
        (7, "a layer must be a folder, as a Path; got an int"),
    ],
)
def test_a_layer_that_is_no_folder_is_refused(tmp_path, layer, said):
    layers = [tmp_path / layer if isinstance(layer, str) else layer]
    with pytest.raises(ConfigurationError, match=said):
        LocalFunction(name="app", handler="app.handler", root=tmp_path, layers=layers)


@both_runtimes
async def test_folders_may_be_relative(monkeypatch, root, tmp_path, runtime):
    layer_in(tmp_path / "layer", python__found="layer")
    monkeypatch.chdir(tmp_path)
    seen = await described(root.relative_to(tmp_path), ["layer"], "found", runtime=runtime)
    assert seen["found"] == {"found": "layer"}
