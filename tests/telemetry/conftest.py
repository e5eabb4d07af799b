"""The fixture of these tests."""

from ..support.telemetry import sdk  # noqa: F401 - a fixture
