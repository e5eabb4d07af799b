"""The built-in middlewares of the five steps, and the order in which a client's stack has them."""

from .builtin import BuiltinMiddlewares
from .sending import send_over
from .slots import Slots
from .wiring import Counters, Wiring

__all__ = ["BuiltinMiddlewares", "Counters", "Slots", "Wiring", "send_over"]
