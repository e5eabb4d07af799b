"""One call through its five steps: the middleware stack, the built-in middlewares, slots, and the loop of attempts."""

from .builtin import BuiltinMiddlewares
from .context import PipelineContext, PipelineState
from .dispatch import dispatch_over
from .slots import Slots, slot_limit

__all__ = ["BuiltinMiddlewares", "PipelineContext", "PipelineState", "Slots", "dispatch_over", "slot_limit"]
