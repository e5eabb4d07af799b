"""The operations of Lambda: commands, inputs, outputs, log reports, and streams that are read while they arrive.

This module imports nothing, so that streams are loaded only when they are used.
"""
