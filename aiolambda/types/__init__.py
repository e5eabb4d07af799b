"""Values and seams: the words that every layer uses. Imports nothing else of the package at run time."""
