"""The readers of `aiolambda map`: bytes in, items out, one module for each form.

Laws: a reader holds one element and one buffer, whatever the size of the input. An error names the line and what was expected
there, and never repeats the content. Must not know options, threads or the event loop.
"""
