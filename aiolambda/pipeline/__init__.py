"""The built-in middlewares of the five steps, and the order in which a client's stack has them."""

from .builtin import BuiltinMiddlewares
from .context import Counters, Wiring
from .dispatch import dispatch_over
from .slots import Slots, most_slots

__all__ = ["BuiltinMiddlewares", "Counters", "Slots", "Wiring", "dispatch_over", "most_slots"]
