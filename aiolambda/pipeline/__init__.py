"""One call through its five steps: the middleware stack, the built-in middlewares, slots, and the loop of attempts."""

from .builtin import BuiltinMiddlewares
from .context import PipelineContext, PipelineState
from .dispatch import Dispatch
from .slots import Slots, control_plane_slots, problem_of_few, slot_limit

__all__ = [
    "BuiltinMiddlewares",
    "Dispatch",
    "PipelineContext",
    "PipelineState",
    "Slots",
    "control_plane_slots",
    "problem_of_few",
    "slot_limit",
]
