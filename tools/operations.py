"""Writes the classes of the operations from botocore's model of Lambda. AIOLAMBDA_MODEL_PYTHON names a Python with botocore.

    python -m tools.operations write      writes aiolambda/operations/api and docs/reference/operations.md
    python -m tools.operations check      tells whether they are what `write` would write
    python -m tools.operations changes    tells what the newest botocore changes; needs the network

The files have facts of the model and links to AWS's documentation, and none of its text.
"""

import argparse
import difflib
import json
import os
import subprocess
import sys
import tempfile
import textwrap
import venv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from aiolambda.operations.structure import python_name

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "aiolambda" / "operations" / "api"
LISTING = ROOT / "docs" / "reference" / "operations.md"
PINNED = "1.44.8"
"""The release of botocore that the files are written from."""
PAGE = "https://docs.aws.amazon.com/lambda/latest/api/API_{}.html"
TYPES = {
    "str": "str",
    "int": "int",
    "float": "float",
    "bool": "bool",
    "blob": "bytes",
    "time": "dt.datetime",
}
QUEUEING = ("InvokeAsync",)
"""Operations whose answer says that an event was queued."""
TOKENS = {"input_token": "Marker", "output_token": "NextMarker", "limit_key": "MaxItems"}
"""The members of all paginators."""

Facts = Mapping[str, Any]


# The model


def facts_of(python: str) -> Facts:
    """The facts that this Python's botocore has."""
    script = str(Path(__file__).with_name("operation_facts.py"))
    done = subprocess.run([python, script], capture_output=True, text=True, check=True, timeout=120)  # noqa: S603 - of ours
    found: Facts = json.loads(done.stdout)
    return found


def pinned_facts() -> Facts:
    """The facts of the pinned release. `SystemExit` if there is another."""
    python = os.environ.get("AIOLAMBDA_MODEL_PYTHON")
    if python is None:
        raise SystemExit(f"AIOLAMBDA_MODEL_PYTHON must name the Python of an environment with botocore {PINNED}")
    facts = facts_of(python)
    if facts["botocore"] != PINNED:
        raise SystemExit(f"AIOLAMBDA_MODEL_PYTHON has botocore {facts['botocore']}; the files are written from {PINNED}")
    return facts


def newest_facts() -> Facts:
    """The facts of the newest release, from an environment that is made for it and thrown away."""
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = str(Path(folder) / ("Scripts" if os.name == "nt" else "bin") / "python")
        subprocess.run([python, "-m", "pip", "install", "-q", "--upgrade", "botocore"], check=True)  # noqa: S603 - as above
        return facts_of(python)


# The text of the files


def python_type(kind: str) -> str:
    """The annotation of a type: `Sequence[str]` for `[str]`."""
    if kind[0] == "[":
        return f"Sequence[{python_type(kind[1:-1])}]"
    if kind[0] == "{":
        return f"Mapping[str, {python_type(kind[1:-1])}]"
    return TYPES.get(kind, kind)


def line_of(member: Facts) -> str:
    """The line of a member in `_members`."""
    words = [member["name"], member["kind"], *(flag for flag in ("required", "sensitive", "token") if member[flag])]
    if member["place"] != "body" or member["wire_name"] != member["name"]:
        words.append(member["place"])
    if member["wire_name"] != member["name"]:
        words.append(member["wire_name"])
    return " ".join(words)


def needed_first(members: list[Facts]) -> list[Facts]:
    return sorted(members, key=lambda member: not member["required"])


def field_of(member: Facts) -> str:
    """A member as an annotation, with its choices or its range below."""
    kind = python_type(member["kind"])
    text = f"    {python_name(member['name'])}: {kind}" + ("" if member["required"] else " | None = None")
    said = " ".join(said_of(member))
    if not said:
        return text
    return "\n".join([text, *textwrap.wrap(f'"""{said}"""', 124, initial_indent="    ", subsequent_indent="    ")])


def said_of(member: Facts) -> Iterator[str]:
    if member["choices"]:
        choices = [f"`{choice}`" for choice in member["choices"]]
        yield f"{', '.join(choices[:-1])} or {choices[-1]}." if len(choices) > 1 else f"{choices[0]}."
    if member["range"] not in (None, [None, None]):
        least, most = member["range"]
        if least is not None and most is not None:
            yield f"{least:,} to {most:,}."
        else:
            yield f"At least {least:,}." if most is None else f"At most {most:,}."


def class_of(name: str, bases: str, doc: str, members: list[Facts]) -> str:
    lines = [f"class {name}({bases}):", f'    """{doc}"""', ""]
    if members:
        lines += ["    _members = (", *(f'        "{line_of(member)}",' for member in members), "    )", ""]
        lines += [field_of(member) for member in needed_first(members)]
    return "\n".join(lines).rstrip()


def documented(sentence: str, page: str) -> str:
    """The text of a docstring with a link."""
    return f"{sentence}\n\n    {page}\n    "


def structure_of(name: str, members: list[Facts]) -> str:
    return class_of(name, "_Structure", documented(f"The structure {name}.", PAGE.format(name)), members)


def structures_text(facts: Facts) -> str:
    names = facts["structures"]
    head = f'''"""The structures of the operations. Written by tools/operations.py from botocore {PINNED}: do not edit.

Owns their members. Must not know an operation.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

from ..structure import Structure

__all__ = {json.dumps(sorted(names))}


class _Structure(Structure):
    @classmethod
    def _scope(cls) -> Mapping[str, object]:
        return globals()
'''
    return "\n\n\n".join([head, *(structure_of(name, members) for name, members in names.items())])


def delivery_of(described: Facts) -> str:
    if described["readonly"]:
        return "reads only, so it is repeated freely"
    return "is repeated, because a repeat does no harm" if described["idempotent"] else "is sent at most once"


def operation_classes(name: str, described: Facts, facts: Facts) -> Iterator[str]:
    yield class_of(f"{name}CommandInput", "_Input", f"The input of {name}.", described["input"])
    shape = described["output_shape"]
    if shape in facts["structures"]:  # a structure that others contain, too
        output = class_of(f"{name}CommandOutput", f"_Output, structures.{shape}", f"The output of {name}.", [])
    else:
        output = class_of(f"{name}CommandOutput", "_Output", f"The output of {name}.", described["output"])
    yield output
    yield command_class(name, described, facts["paginators"].get(name), PAGE.format(name))


def command_class(name: str, described: Facts, paginator: Facts | None, page: str) -> str:
    input, output = f"{name}CommandInput", f"{name}CommandOutput"
    base = "OperationCommand" if paginator is None else "PagedCommand"
    more = ", idempotent=True" if described["readonly"] or described["idempotent"] else ""
    more += ", queues=True" if name in QUEUEING else ""
    more += "" if paginator is None else f', items="{items_of(name, paginator)}"'
    deprecated = " Deprecated: use Invoke." if described["deprecated"] else ""
    parameters = [
        f"{python_name(member['name'])}: {python_type(member['kind'])}" + ("" if member["required"] else " | None = None")
        for member in needed_first(described["input"])
    ]
    return f'''class {name}Command({base}[{input}, {output}]):
    """{documented(f"{name} {delivery_of(described)}.{deprecated}", page)}"""

    __slots__ = ()
    operation = ApiOperation("{name}", "{described["method"]} {described["uri"]}", {input}, {output}{more})
    if TYPE_CHECKING:

        @overload
        def __init__(self, input: {input}, /, *, idempotent: bool | None = None) -> None: ...
        @overload
        def __init__(self, *, {", ".join([*parameters, "idempotent: bool | None = None"])}) -> None: ...
        def __init__(self, *input: Any, **members: Any) -> None: ...'''


def items_of(name: str, paginator: Facts) -> str:
    """The member with the items of a page. `SystemExit` for a paginator that differs from the others in more."""
    if {key: value for key, value in paginator.items() if key not in ("result_key", "non_aggregate_keys")} != TOKENS:
        raise SystemExit(f"the paginator of {name} is of another kind: {paginator}")
    return python_name(paginator["result_key"])


def commands_text(facts: Facts) -> str:
    operations = facts["operations"]
    names = sorted(f"{name}Command{part}" for name in operations for part in ("", "Input", "Output"))
    used = "\n".join(text for name, described in operations.items() for text in operation_classes(name, described, facts))
    imported = sorted(name for name in facts["structures"] if is_named(name, used))
    head = f'''"""The commands that manage functions. Written by tools/operations.py from botocore {PINNED}: do not edit.

Owns their members, and where each is sent. Must not know how a command is sent.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, overload

from ..api_operation import ApiOperation, OperationCommand, OperationInput, OperationOutput, PagedCommand
from . import structures
from .structures import {", ".join(imported)}

__all__ = {json.dumps(names)}


class _Input(OperationInput):
    @classmethod
    def _scope(cls) -> Mapping[str, object]:
        return vars(structures)


class _Output(OperationOutput):
    @classmethod
    def _scope(cls) -> Mapping[str, object]:
        return vars(structures)
'''
    classes = (text for name, described in operations.items() for text in operation_classes(name, described, facts))
    return "\n\n\n".join([head, *classes])


def waiters_text(facts: Facts) -> str:
    head = f'''"""The waiters of the model. Written by tools/operations.py from botocore {PINNED}: do not edit.

Owns what each asks, and which answers end it. Must not know how anything is sent.
"""

from collections.abc import Mapping

from ..waiter import Acceptor, Waiter

__all__ = ["WAITERS"]

WAITERS: Mapping[str, Waiter] = {{'''
    lines = [f"    {json.dumps(name)}: {waiter_of(name, described)}," for name, described in facts["waiters"].items()]
    return "\n".join([head, *lines, "}"])


def waiter_of(name: str, described: Facts) -> str:
    """The call that builds a waiter. `SystemExit` for an acceptor of another kind."""
    unknown = {acceptor["matcher"] for acceptor in described["acceptors"]} - {"path", "error"}
    if unknown:
        raise SystemExit(f"the waiter {name} has matchers of another kind: {unknown}")
    acceptors = "".join(
        f"Acceptor({acceptor['state']!r}, {acceptor['matcher']!r}, {acceptor.get('argument')!r}, "
        f"expected={acceptor['expected']!r}), "
        for acceptor in described["acceptors"]
    )
    return f"Waiter({described['operation']!r}, {described['delay']}, {described['maxAttempts']}, ({acceptors}))"


def is_named(name: str, text: str) -> bool:
    """Whether an annotation names the structure."""
    return any(mark in text for mark in (f": {name}\n", f": {name} ", f"[{name}]", f", {name}]", f": {name},"))


def files_of(facts: Facts) -> dict[str, str]:
    """The content of the folder, formatted, by file name."""
    init = '"""The classes of the operations that manage functions, written from the model of the service."""\n'
    texts = {
        "__init__.py": init,
        "structures.py": structures_text(facts),
        "commands.py": commands_text(facts),
        "waiters.py": waiters_text(facts),
    }
    return {name: formatted(text, FOLDER / name) for name, text in texts.items()}


def formatted(text: str, path: Path) -> str:
    ruff = [sys.executable, "-m", "ruff"]
    for command in (["check", "--fix-only", "--select", "I,F401", "-q"], ["format", "-q"]):
        done = subprocess.run(  # noqa: S603 - of ours
            [*ruff, *command, "--stdin-filename", str(path), "-"],
            input=text,
            capture_output=True,
            text=True,
            check=True,
            cwd=ROOT,
        )
        text = done.stdout
    return text


def listing(facts: Facts) -> str:
    """The page that lists the operations."""
    rows = [
        f"| [{name}]({PAGE.format(name)}) | {described['method']} | {repeats_of(described)} |"
        for name, described in facts["operations"].items()
    ]
    return "\n".join([LISTING_HEAD, *rows, ""])


LISTING_HEAD = """# Operations

The operations that manage functions. Each has a command in `aiolambda.operations`: `GetFunctionCommand` for `GetFunction`, with
`GetFunctionCommandInput` and `GetFunctionCommandOutput`. [Manage functions](../how-to/manage-functions.md) shows how they are
used. [Commands and outputs](commands.md) has `Invoke`, [Streams](streaming.md) has `InvokeWithResponseStream`.

```{eval-rst}
.. autoclass:: aiolambda.operations.structure.Structure
   :members: from_api, evolve
.. autoclass:: aiolambda.operations.api_operation.OperationOutput
   :members: metadata, raw
```

The links lead to AWS's API reference, which explains the members. An attempt that may have been carried out is repeated if the
operation only reads, or if the service's model says that a repeat does no harm.

| operation | method | repeated |
|---|---|---|"""


def repeats_of(described: Facts) -> str:
    if described["readonly"]:
        return "yes: reads only"
    return "yes: idempotent" if described["idempotent"] else "no"


def all_files(facts: Facts) -> dict[Path, str]:
    """The files of the folder, and the page."""
    return {FOLDER / name: text for name, text in files_of(facts).items()} | {LISTING: listing(facts)}


# The commands


def write(facts: Facts) -> int:
    FOLDER.mkdir(exist_ok=True)
    for path, text in all_files(facts).items():
        path.write_text(text, encoding="utf-8")
    return 0


def check(facts: Facts) -> int:
    found = 0
    for path, text in all_files(facts).items():
        written = path.read_text(encoding="utf-8")
        names = f"{path.relative_to(ROOT)}, committed", f"{path.relative_to(ROOT)}, from the model"
        for line in difflib.unified_diff(written.splitlines(), text.splitlines(), *names, lineterm=""):
            print(line)
            found = 1
    return found


def changes() -> int:
    """Print the lines by which the files from the newest botocore differ from the committed ones."""
    facts = newest_facts()
    print(f"botocore {facts['botocore']}, beside {PINNED}")
    return check(facts)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["write", "check", "changes"])
    command = parser.parse_args().command
    if command == "changes":
        return changes()
    return write(pinned_facts()) if command == "write" else check(pinned_facts())


if __name__ == "__main__":
    sys.exit(main())
