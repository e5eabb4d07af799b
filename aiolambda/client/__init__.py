"""The client that users hold: opening and closing, `send` and the calls on top of it, event loops, calls in flight."""
