"""One check: what was looked at, how it stands, and what to do.

Owns the form of an outcome. Must not look at anything.
"""

from collections.abc import Iterable, Mapping
from typing import Literal

import attrs

from .. import exit_codes

__all__ = ["Check", "State", "exit_code_of", "ok", "problem", "skipped", "warning"]

State = Literal["ok", "warning", "problem", "skipped"]


@attrs.frozen(kw_only=True)
class Check:
    """`facts` are for machines. `code` is the exit code of a problem that stops every invocation."""

    name: str
    state: State
    text: str
    advice: str | None = None
    facts: Mapping[str, object] = attrs.field(factory=dict[str, object])
    code: int = exit_codes.DONE


def ok(name: str, text: str, **facts: object) -> Check:
    return Check(name=name, state="ok", text=text, facts=facts)


def warning(name: str, text: str, advice: str, **facts: object) -> Check:
    """An invocation can work, and something is not as it should be."""
    return Check(name=name, state="warning", text=text, advice=advice, facts=facts)


def problem(name: str, text: str, advice: str, *, code: int, **facts: object) -> Check:
    """No invocation can work."""
    return Check(name=name, state="problem", text=text, advice=advice, facts=facts, code=code)


def skipped(name: str, text: str) -> Check:
    return Check(name=name, state="skipped", text=text)


def exit_code_of(checks: Iterable[Check]) -> int:
    """That of the first problem, on which others may depend."""
    return next((check.code for check in checks if check.state == "problem"), exit_codes.DONE)
