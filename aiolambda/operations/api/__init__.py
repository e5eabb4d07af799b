"""The classes of the operations that manage functions, written from the model of the service."""
