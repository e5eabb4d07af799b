"""The built-in middlewares of the five steps, and the order in which a client's stack has them."""

from .builtin import BuiltinMiddlewares
from .sending import send_over
from .slots import Slots, most_slots
from .wiring import Counters, Wiring

__all__ = ["BuiltinMiddlewares", "Counters", "Slots", "Wiring", "most_slots", "send_over"]
