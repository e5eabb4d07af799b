"""The configuration of a function, as far as the API tells it. The same for functions in processes and in this process.

Owns these values and which version a qualifier stands for. Must not know the form of an answer.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

import attrs

from .identifiers import LATEST
from .url_config import FunctionUrl

__all__ = ["EventFacts", "FunctionFacts", "Inventory"]


@attrs.frozen(kw_only=True)
class EventFacts:
    """The treatment of the events of a function. `on_success` and `on_failure` are names of functions, or URIs of files."""

    maximum_retry_attempts: int
    maximum_event_age: float
    on_success: str | None = None
    on_failure: str | None = None


@attrs.frozen(kw_only=True)
class FunctionFacts:
    """The configuration of a function.

    - `versions`: the published versions, with the URI of the code of each, or `None`. `code` is that of `$LATEST`.
    - `aliases`: for each alias its versions with their shares, the main one first.
    - `any_qualifier`: whether the function answers to each qualifier.
    - `concurrency`: the reserved concurrency; `None` if there is none.
    - `events`: by qualifier, the treatments that differ from Lambda's own.
    - `durable_timeout`, `durable_retention`: the seconds and the days of `DurableConfig`, if it is known.
    - `layers`: their names, with the URIs of their folders.
    - `url`: the configuration of the function URL; `None` if the API tells of none. The aliases share it.
    """

    name: str
    handler: str
    runtime: str
    timeout: float
    memory_size: int
    code: str | None = None
    versions: Mapping[str, str | None] = attrs.field(factory=dict[str, "str | None"])
    aliases: Mapping[str, Mapping[str, float]] = attrs.field(factory=dict[str, Mapping[str, float]])
    any_qualifier: bool = False
    concurrency: int | None = None
    environment: Mapping[str, str] = attrs.field(factory=dict[str, str], repr=False)
    layers: Sequence[tuple[str, str]] = ()
    log_format: str = "Text"
    log_level: str | None = None
    tenant_isolation: bool | None = None
    durable: bool = False
    durable_timeout: float | None = None
    durable_retention: int | None = None
    recursive_loop: str = "Terminate"
    events: Mapping[str | None, EventFacts] = attrs.field(factory=dict["str | None", EventFacts])
    url: FunctionUrl | None = attrs.field(default=None, repr=False)

    def version_of(self, qualifier: str | None) -> str | None:
        """The version that a qualifier stands for; the main one for an alias of several. `None` if it stands for none."""
        if qualifier in (None, LATEST):
            return LATEST
        if qualifier in self.aliases:
            return next(iter(self.aliases[str(qualifier)]))
        if qualifier in self.versions:
            return qualifier
        return LATEST if self.any_qualifier else None


class Inventory(Protocol):
    """The functions that exist."""

    def function_names(self) -> Collection[str]:
        """The names of all functions."""
        ...

    def facts_of(self, name: str, /) -> FunctionFacts | None:
        """The configuration of a function; `None` if there is none of this name."""
        ...
