"""The demo: `aiolambda demo` on an embedded local endpoint."""
