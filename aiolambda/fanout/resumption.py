"""What a run does with the items that earlier runs have left in its journal: which are replayed, and which are sent again.

Owns that decision. Must not know how the journal stores them, or how an item is sent.
"""

import os
from collections.abc import Mapping
from typing import Literal

import attrs

from ..errors import ConfigurationError
from ..types.mistakes import choices_text
from ..types.values import shown
from .journal import Journal
from .journal_rows import ItemState

__all__ = ["Resumption", "is_sent_again", "journal_of", "resumption_of"]

_KEPT = ("all", "outcome")


@attrs.frozen(kw_only=True)
class Resumption:
    """The items that a run finds in its journal at its start.

    ::

        async with client.map("resize", items, journal="run.db") as run:
            if run.resumption is not None:
                print(run.resumption.replayed, run.resumption.sent_again)

    Args:
        replayed: Items whose results are given again, as the input reaches them.
        sent_again: Items that are sent again: they have not run, or the run is idempotent and they may be repeated.
    """

    replayed: int
    """Items whose results are given again, as the input reaches them."""
    sent_again: int
    """Items that are sent again: they have not run, or the run is idempotent and they may be repeated."""


def is_sent_again(state: ItemState, *, idempotent: bool, retry_failed: bool) -> bool:
    """Whether an item that an earlier run left in this state is sent, and not replayed."""
    if state in (ItemState.CLAIMED, ItemState.NOT_RUN):
        return True
    if state in (ItemState.STARTED, ItemState.UNKNOWN):
        return idempotent
    return state is ItemState.RAN and idempotent and retry_failed


def resumption_of(earlier: Mapping[ItemState, int], *, idempotent: bool, retry_failed: bool) -> Resumption | None:
    """The counts for a run; `None` if earlier runs have sent nothing. Items of commands may differ in `idempotent`."""
    again, replayed = 0, 0
    for state, count in earlier.items():
        if is_sent_again(state, idempotent=idempotent, retry_failed=retry_failed):
            again += count if state is not ItemState.CLAIMED else 0  # those were never sent
        else:
            replayed += count
    return Resumption(replayed=replayed, sent_again=again) if replayed or again else None


def journal_of(
    path: str | os.PathLike[str] | None,
    identity: Mapping[str, str | None],
    *,
    results: Literal["all", "outcome"],
    retry_failed: bool,
) -> Journal | None:
    """The journal of a run. `ConfigurationError` for a wrong choice, or for one that needs a journal and has none."""
    if results not in _KEPT:
        wrong = shown(results)
        raise ConfigurationError(f"journal_results must be 'all' or 'outcome'; got {wrong}: {choices_text(results, _KEPT)}")
    if path is not None:
        return Journal(path, identity, results=results)
    if results != "all":
        raise ConfigurationError("journal_results is given without a journal: name its file with journal=")
    if retry_failed is True:
        raise ConfigurationError("retry_failed is given without a journal: name that of the earlier run with journal=")
    return None
