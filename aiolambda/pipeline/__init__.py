"""The middleware stack of a client: its five steps, from the input of a command to the transport and back."""

from .builtin import BuiltinMiddlewares
from .context import PipelineContext, PipelineState
from .dispatch import dispatch_over
from .slots import Slots, slot_limit

__all__ = ["BuiltinMiddlewares", "PipelineContext", "PipelineState", "Slots", "dispatch_over", "slot_limit"]
