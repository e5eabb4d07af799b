"""The demo: its command and chapters, the functions that it serves, and the printer of headings and code."""
