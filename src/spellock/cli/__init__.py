"""The command line, kept thin: flags come from frozen dataclasses, help texts from their docstrings."""
