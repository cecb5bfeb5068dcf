"""The command line: thin, one module a command; flags come from frozen dataclasses and help texts from their docstrings."""
