"""Every public name, parameter and attribute is explained where `help()` and editors look, and the examples there run."""

import inspect
import re
import sys
from enum import Enum
from importlib import import_module
from typing import Protocol, get_overloads

import attrs
import pytest

import aiolambda
import aiolambda.errors
from aiolambda import (
    Credentials,
    Delivery,
    InvokeCommand,
    InvokeCommandInput,
    LambdaClient,
    LambdaClientConfig,
    MiddlewareStack,
    Timeouts,
)
from aiolambda.config import ClientSettings
from aiolambda.config.explain import Explained

from ..support.documented import attribute_docs, entries_of, undocumented, undocumented_in_class, whole_entries_of
from ..support.pages import ROOT
from ..support.setting_rows import setting_rows

MODULES = [
    "aiolambda",
    "aiolambda.credentials",
    "aiolambda.errors",
    "aiolambda.errors.service",
    "aiolambda.local",
    "aiolambda.telemetry",
    "aiolambda.testing",
    "aiolambda.testing.durable",
]
CLASSES = sorted(
    {value for value in (getattr(aiolambda, name) for name in aiolambda.__all__) if attrs.has(value)},
    key=lambda kind: kind.__name__,
)


@pytest.mark.parametrize("module", MODULES)
def test_each_public_name_is_documented(module: str) -> None:
    assert undocumented(import_module(module)) == []


def test_public_modules_are_those_with_docs() -> None:
    """The package's own docstring names the modules beside it."""
    named = re.findall(r"`(aiolambda\.\w+)`", aiolambda.__doc__ or "")
    assert sorted({*named, "aiolambda", "aiolambda.errors.service", "aiolambda.testing.durable"}) == MODULES


@pytest.mark.parametrize("kind", [ClientSettings, Explained])
def test_public_classes_of_the_config_are_documented(kind: type) -> None:
    assert list(undocumented_in_class(kind)) == []


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_a_hover_says_the_same_as_help(kind: type) -> None:
    """The text below an attribute is that of its entry in `Args:`."""
    entries, below = whole_entries_of(kind), attribute_docs(kind)
    fields = {field.name: field.alias for field in attrs.fields(kind)}
    public = {name: text for name, text in below.items() if fields.get(name) in entries}
    assert {name: " ".join(text.split()) for name, text in public.items()} == {name: entries[fields[name]] for name in public}


ERRORS = [value for value in (getattr(aiolambda.errors, name) for name in aiolambda.errors.__all__) if isinstance(value, type)]


@pytest.mark.parametrize("kind", ERRORS, ids=lambda kind: kind.__name__)
def test_help_of_an_error_has_its_own_parameters(kind: type[Exception]) -> None:
    """Not those that its base class documents, and not their defaults."""
    parameters = inspect.signature(kind.__init__).parameters
    assert entries_of(kind.__init__).keys() <= parameters.keys()
    if "delivery" in parameters:
        verdict = parameters["delivery"].default
        told = "it was not delivered" if verdict is Delivery.NOT_DELIVERED else f"`{verdict.name}`"
        assert told in (inspect.getdoc(kind.__init__) or "")


# One source for the settings


def settings_of_signature() -> dict[str, inspect.Parameter]:
    parameters = inspect.signature(LambdaClient).parameters
    return {name: one for name, one in parameters.items() if one.kind is one.KEYWORD_ONLY}


def test_the_signature_has_the_settings_of_the_config() -> None:
    fields = {field.name: field for field in attrs.fields(LambdaClientConfig) if field.name != "_filled"}
    given = settings_of_signature()
    assert list(given) == list(fields) == list(ClientSettings.__annotations__)
    made = LambdaClientConfig()
    defaults = LambdaClientConfig(**{name: one.default for name, one in given.items()})
    assert defaults == attrs.evolve(made, codec=defaults.codec)
    assert type(defaults.codec) is type(made.codec)


def test_the_signature_has_the_types_of_the_config() -> None:
    given = {name: one.annotation for name, one in settings_of_signature().items()}
    assert given == ClientSettings.__annotations__
    fields = {field.name: field.type for field in attrs.fields(LambdaClientConfig) if field.name != "_filled"}
    assert {**fields, "timeout": given["timeout"]} == given  # the config keeps Timeouts, whichever was given


def test_a_setting_is_explained_in_one_text() -> None:
    entries = whole_entries_of(LambdaClient.__init__)
    below = {name: " ".join(text.split()) for name, text in attribute_docs(LambdaClientConfig).items()}
    assert below == {name: entries[name] for name in settings_of_signature()}
    assert attribute_docs(ClientSettings) == attribute_docs(LambdaClientConfig)


def test_the_table_of_settings_is_that_of_the_code() -> None:
    """`python -m tests.support.setting_rows` prints the rows."""
    page = (ROOT / "docs" / "reference" / "settings.md").read_text()
    assert [line for line in page.splitlines() if line.startswith("| `")] == setting_rows()


def test_command_explains_the_members_of_its_input() -> None:
    entries, members = whole_entries_of(InvokeCommand.__init__), whole_entries_of(InvokeCommandInput)
    assert {name: entries[name] for name in members} == members


@pytest.mark.parametrize(
    ("command", "input"),
    [
        (InvokeCommand, InvokeCommandInput),
        (aiolambda.InvokeWithResponseStreamCommand, aiolambda.InvokeWithResponseStreamCommandInput),
    ],
)
def test_the_signature_of_a_command_has_its_members(command: type, input: type) -> None:
    given, members = inspect.signature(command).parameters, inspect.signature(input).parameters
    assert list(given) == ["input", *members, "idempotent"]
    assert {name: given[name].annotation for name in members} == {name: one.annotation for name, one in members.items()}
    assert inspect.signature(command).bind(input(function_name="orders"))


# The rules can fail


class Whole:
    """A class."""

    limit: int = 1
    """The limit in bytes."""

    def __init__(self, size: int) -> None:
        """Build one.

        Args:
            size: The size in bytes.
        """
        self.size = size
        """The size in bytes."""

    def grow(self, by: int) -> int:
        """Grow.

        Args:
            by: Bytes.
                And a second line.
        """
        return self.size + by

    @property
    def half(self) -> int:
        """Half of it."""
        return self.size // 2


class Bare:
    limit: int = 1

    def __init__(self, size: int) -> None:
        self.size = size

    def grow(self, by: int) -> int:
        return self.size + by

    def shrink(self, by: int) -> int:
        """Shrink.

        Args:
            by: The number of bytes, which may
                be negative.
        """
        return self.size - by

    @property
    def half(self) -> int:
        return self.size // 2


@attrs.frozen
class BareFields:
    """A class.

    Args:
        size: The size in bytes.
    """

    size: int
    rest: int
    """The rest."""


class BareColour(Enum):
    """A colour."""

    RED = 1
    """Red."""
    BLUE = 2


class BareProtocol(Protocol):
    """A protocol."""

    size: int

    def grow(self, by: int) -> int: ...


class BareError(Exception):
    """An error.

    Attributes:
        code: The code.
    """

    def __init__(self, text: str, code: int) -> None:
        super().__init__(text)
        self.code = code


def test_a_documented_class_has_no_fault() -> None:
    assert list(undocumented_in_class(Whole)) == []
    assert entries_of(Whole.grow) == {"by": "Bytes."}
    assert whole_entries_of(Whole.grow) == {"by": "Bytes. And a second line."}


@pytest.mark.parametrize(
    ("kind", "faults"),
    [
        (
            Bare,
            [
                "Bare",
                "Bare.__init__(size)",
                "Bare.grow",
                "Bare.grow(by)",
                "Bare.half",
                "Bare.limit",
                "Bare.shrink(by): an editor shows only the first line, 'The number of bytes, which may'",
                "Bare.size",
            ],
        ),
        (BareFields, ["BareFields.__init__(rest)", "BareFields.size"]),
        (BareColour, ["BareColour.BLUE"]),
        (BareProtocol, ["BareProtocol.grow", "BareProtocol.grow(by)", "BareProtocol.size"]),
        (BareError, ["BareError.__init__(code)", "BareError.__init__(text)", "BareError.code"]),
    ],
)
def test_a_class_without_docs_is_found(kind: type, faults: list[str]) -> None:
    assert sorted(undocumented_in_class(kind)) == faults


def test_a_bare_function_and_constant_are_found() -> None:
    module = type(sys)("bare", "A module.")
    module.__dict__.update(__all__=["LIMIT", "grow"], LIMIT=object(), grow=Bare.grow)
    sys.modules["bare"] = module
    module.__path__ = []
    try:
        assert undocumented(module) == ["LIMIT", "grow", "grow(by)"]
    finally:
        del sys.modules["bare"]


# Shown as they are


def test_help_shows_every_setting() -> None:
    import pydoc

    text = pydoc.plain(pydoc.render_doc(LambdaClient.__init__))
    assert [name for name in settings_of_signature() if f"{name}:" not in text] == []
    assert "max_concurrency: int | None = None" in text
    assert "timeout=5" not in pydoc.plain(pydoc.render_doc(Timeouts))
    assert "queue: Seconds to wait for a slot" in pydoc.plain(pydoc.render_doc(Timeouts))


def test_defaults_in_a_signature_are_readable() -> None:
    text = str(inspect.signature(LambdaClient))
    assert " at 0x" not in text
    assert "codec: aiolambda.types.interfaces.Codec = JsonCodec()" in text


def test_credentials_are_explained_but_not_shown() -> None:
    assert "secret_access_key" in entries_of(Credentials)
    assert "hidden" not in repr(Credentials("AKID", "hidden"))


@pytest.mark.parametrize("name", ["add", "add_relative_to"])
def test_overloads_explain_the_same_as_their_function(name: str) -> None:
    method = getattr(MiddlewareStack, name)
    overloads = get_overloads(inspect.unwrap(method))
    assert len(overloads) == 2
    for one in overloads:
        assert whole_entries_of(one) == whole_entries_of(method)
