"""The public names, which `import aiolambda` loads on first use only."""

import ast
import inspect
import pickle
import pydoc
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import aiolambda
from aiolambda import Credentials, InvocationTimeoutError, Timeouts

from .support.checkers import CHECKERS, check

PACKAGE = Path(aiolambda.__file__).parent
SUBMODULES = ["credentials", "errors", "local", "testing"]


def printed(code: str) -> str:
    """The output of a fresh interpreter."""
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def imports_of_the_type_checkers() -> dict[str, str]:
    """Name and module of each import in the block that only type checkers read."""
    tree = ast.parse((PACKAGE / "__init__.py").read_text())
    (block,) = [node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    assert all(alias.asname == alias.name for node in imports for alias in node.names)
    return {alias.name: f".{node.module}" for node in imports for alias in node.names if node.module is not None}


# What is loaded


def test_import_alone_loads_nothing() -> None:
    code = """
import os, sys
before = set(sys.modules)
import aiolambda
print(sorted(set(sys.modules) - before))
"""
    assert printed(code) == "['aiolambda', 'aiolambda.types']"


@pytest.mark.parametrize(
    ("names", "absent"),
    [
        ("Timeouts, Credentials, StandardRetry", {"aiohttp", "asyncio", "ssl"}),
        ("ConfigurationError, errors", {"aiohttp", "asyncio", "ssl", "aiolambda.errors.service"}),
        ("LambdaClient", {"aiolambda.fanout.run", "aiolambda.local", "aiolambda.errors.service", "aiohttp.web_runner"}),
    ],
)
def test_name_loads_only_its_module(names: str, absent: set[str]) -> None:
    found = printed(f"import sys; from aiolambda import {names}; print(*sys.modules)").split()
    assert set(found) & absent == set()


def test_second_access_finds_the_name_in_the_module() -> None:
    code = """
import aiolambda
asked = []
find = aiolambda.__getattr__
aiolambda.__getattr__ = lambda name: (asked.append(name), find(name))[1]
assert aiolambda.Timeouts is aiolambda.Timeouts and aiolambda.errors is aiolambda.errors
print(asked)
"""
    assert printed(code) == "['Timeouts', 'errors']"


# The list of names


def test_type_checkers_import_the_same_names() -> None:
    assert imports_of_the_type_checkers() == aiolambda._MODULES  # type: ignore[attr-defined]
    assert sorted([*imports_of_the_type_checkers(), "credentials", "errors"]) == aiolambda.__all__  # type: ignore[attr-defined]


@pytest.mark.parametrize(("name", "module"), imports_of_the_type_checkers().items())
def test_name_is_the_object_of_its_module(name: str, module: str) -> None:
    assert getattr(aiolambda, name) is getattr(import_module(module, "aiolambda"), name)


@pytest.mark.parametrize("name", SUBMODULES)
def test_submodule_is_an_attribute(name: str) -> None:
    assert printed(f"import aiolambda; print(aiolambda.{name}.__name__)") == f"aiolambda.{name}"


def test_star_import_gives_every_name() -> None:
    code = "from aiolambda import *; import aiolambda; print(sorted(set(aiolambda.__all__) - set(dir())))"
    assert printed(code) == "[]"


def test_dir_has_every_name_before_any_is_loaded() -> None:
    code = f"import aiolambda; print(set(aiolambda.__all__) | {set(SUBMODULES)} <= set(dir(aiolambda)))"
    assert printed(code) == "True"


@pytest.mark.parametrize("checker", CHECKERS)
def test_type_checkers_see_the_names(checker: str, tmp_path: Path, cache: pytest.Cache) -> None:
    programs = {
        "attribute": "import aiolambda\n" + "".join(f"print(aiolambda.{name})\n" for name in aiolambda.__all__),  # type: ignore[attr-defined]
        "star": "from aiolambda import *\n\nasync def main() -> None:\n    async with LambdaClient() as client:\n"
        "        client.no_such_method()\n",
        "wrong": "import aiolambda\naiolambda.LambdaCleint\naiolambda.import_module\n",
    }
    done = check(checker, programs, tmp_path, cache)
    errors = {line.split(":")[0].rpartition("/")[2] for line in done.stdout.splitlines() if " error: " in line}
    lines = [line for line in done.stdout.splitlines() if " error: " in line and "attribute.py" in line]
    assert (errors, lines) == ({"star.py", "wrong.py"}, []), done.stdout


# Mistakes


@pytest.mark.parametrize(
    ("name", "end"),
    [
        ("LambdaCleint", "; did you mean LambdaClient?"),
        ("lambda_client", "; did you mean LambdaClient?"),
        ("timeouts", "; did you mean Timeouts?"),
        ("error", "; did you mean errors?"),
        ("zebra", ""),
        ("_private", ""),
    ],
)
def test_wrong_name_names_the_nearest(name: str, end: str) -> None:
    with pytest.raises(AttributeError) as raised:
        getattr(aiolambda, name)
    assert str(raised.value) == f"module 'aiolambda' has no attribute '{name}'{end}"
    assert raised.value.name == name


def test_traceback_suggests_the_name_once() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import aiolambda; aiolambda.Timeoutz"], capture_output=True, text=True, check=False
    )
    assert done.stderr.lower().count("did you mean") == 1


# Tools


def test_tools_find_the_modules_of_the_names() -> None:
    assert inspect.getmodule(Timeouts) is import_module("aiolambda.types.values")
    assert pickle.loads(pickle.dumps(Timeouts(total=3))) == Timeouts(total=3)
    assert isinstance(pickle.loads(pickle.dumps(Credentials("A", "s"))), aiolambda.Credentials)
    assert InvocationTimeoutError.__module__ == "aiolambda.errors"


def test_help_shows_every_class() -> None:
    text = pydoc.plain(pydoc.render_doc(aiolambda))
    classes = [name for name in aiolambda.__all__ if inspect.isclass(getattr(aiolambda, name))]  # type: ignore[attr-defined]
    assert [name for name in classes if f"class {name}(" not in text and f"{name} = class" not in text] == []


# Threads and cycles


def test_threads_get_the_same_object() -> None:
    code = """
import sys, threading
import aiolambda
sys.setswitchinterval(1e-6)
names = ["LambdaClient", "MapRun", "Timeouts", "SessionTransport", "errors", "AccessDeniedException", "LambdaClient", "Report"]
start, found = threading.Barrier(len(names)), {name: [] for name in names}

def ask(number):
    start.wait()
    for name in names[number:] + names[:number]:
        found[name].append(getattr(aiolambda, name))

threads = [threading.Thread(target=ask, args=[number]) for number in range(len(names))]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print({len(set(map(id, objects))) for objects in found.values()}, sum(map(len, found.values())))
"""
    assert printed(code) == "{1} 64"


def test_threads_may_load_a_package_and_its_module() -> None:
    """One thread is in the middle of `pipeline`, which imports `stack`, as another asks for a class of `stack`."""
    code = """
import sys, threading
import aiolambda

inside, errors = threading.Event(), []

class Slow:
    def find_spec(name, path=None, target=None):
        if name == "aiolambda.pipeline.builtin":
            inside.set()
            other.join(0.2)  # it must wait for this thread, so it does not end

def ask(name):
    try:
        getattr(aiolambda, name)
    except ImportError as error:
        errors.append(error)

def ask_second():
    inside.wait()
    ask("MiddlewareStack")

sys.meta_path.insert(0, Slow)
other = threading.Thread(target=ask_second)
other.start()
ask("LambdaClient")
other.join()
print(errors)
"""
    assert printed(code) == "[]"


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_module_imports_a_public_name(path: Path) -> None:
    """Each imports the module that defines it: a module that asked for a name here could ask for itself."""
    depth = len(path.relative_to(PACKAGE).parts)
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            assert "aiolambda" not in {alias.name.partition(".")[0] for alias in node.names}
        if isinstance(node, ast.ImportFrom) and path != PACKAGE / "__init__.py":
            assert (node.module or "").partition(".")[0] != "aiolambda"
            if node.level == depth and node.module is None:
                assert {alias.name for alias in node.names} <= set(SUBMODULES)


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("__init__.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_package_defines_the_name_of_its_module(path: Path) -> None:
    """The first import of the module would replace it: which one a caller got would depend on the order of imports."""
    modules = {other.stem for other in path.parent.glob("*.py")} | {
        other.parent.name for other in path.parent.glob("*/__init__.py")
    }
    tree = ast.parse(path.read_text())
    defined = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    imported = [node for node in tree.body if isinstance(node, ast.ImportFrom) and node.module is not None]
    names = defined | {alias.asname or alias.name for node in imported for alias in node.names}
    assert not names & modules
