"""Locking a data set: split, edit, relabel, write."""
