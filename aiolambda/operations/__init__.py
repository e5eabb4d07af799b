"""The operations of the Lambda API: commands, inputs, outputs, streams. This face is empty: streams load on demand."""
