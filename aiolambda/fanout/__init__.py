"""Fan-out: a map of one function, or of many commands, over a stream of items."""

from .journal import Journal
from .run import MapRun
from .scheduler import MapScheduler
from .settings import MapSettings, Send
from .source import Source, Work, maker_of_commands, maker_of_items

__all__ = ["Journal", "MapRun", "MapScheduler", "MapSettings", "Send", "Source", "Work", "maker_of_commands", "maker_of_items"]
