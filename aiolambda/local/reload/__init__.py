"""New code without a new start: when files have changed, the next invocation runs in a new process."""

from .reloader import Reload, Reloader, ReloadEvent

__all__ = ["Reload", "ReloadEvent", "Reloader"]
