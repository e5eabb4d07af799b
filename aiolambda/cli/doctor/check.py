"""The result of a check: its name, state, finding and advice.

Owns the form of a result. Must not perform checks.
"""

from collections.abc import Iterable, Mapping
from typing import Literal

import attrs

from .. import exit_codes

__all__ = ["WRONG_SERVER_ADVICE", "Check", "State", "exit_code_of", "ok", "problem", "skipped", "warning"]

State = Literal["ok", "warning", "problem", "skipped"]

WRONG_SERVER_ADVICE = "check that this is the endpoint of Lambda, and that no proxy or firewall changes the traffic"


@attrs.frozen(kw_only=True)
class Check:
    """`facts` are the finding as data. `code` is the exit code of a problem that makes every invocation fail."""

    name: str
    state: State
    text: str
    advice: str | None = None
    facts: Mapping[str, object] = attrs.field(factory=dict[str, object])
    code: int = exit_codes.DONE


def ok(name: str, text: str, **facts: object) -> Check:
    return Check(name=name, state="ok", text=text, facts=facts)


def warning(name: str, text: str, advice: str, **facts: object) -> Check:
    """Invocations can work, but something needs attention."""
    return Check(name=name, state="warning", text=text, advice=advice, facts=facts)


def problem(name: str, text: str, advice: str, *, code: int, **facts: object) -> Check:
    """No invocation can work."""
    return Check(name=name, state="problem", text=text, advice=advice, facts=facts, code=code)


def skipped(name: str, text: str) -> Check:
    return Check(name=name, state="skipped", text=text)


def exit_code_of(checks: Iterable[Check]) -> int:
    """The exit code of the first problem. Later problems may be its consequences."""
    return next((check.code for check in checks if check.state == "problem"), exit_codes.DONE)
