"""Fan-out: a map of one function, or of many commands, over a stream of items."""

from .course import Course
from .journal import Journal
from .making import maker_of_commands, maker_of_items
from .run import MapRun
from .settings import MapSettings, Send
from .source import Source, Work

__all__ = ["Course", "Journal", "MapRun", "MapSettings", "Send", "Source", "Work", "maker_of_commands", "maker_of_items"]
