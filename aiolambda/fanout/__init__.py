"""One map over many items: reading items, scheduling, results, statistics, and the journal of what is done."""

from .journal import Journal
from .resumption import journal_of
from .run import MapRun
from .run_log import RunLog
from .scheduler import MapScheduler
from .sending import Send
from .source import Source, command_factory, item_factory
from .values import MapSettings

__all__ = [
    "Journal",
    "MapRun",
    "MapScheduler",
    "MapSettings",
    "RunLog",
    "Send",
    "Source",
    "command_factory",
    "item_factory",
    "journal_of",
]
