"""Attacks on locked models: one file each, none sees the key, none measures itself."""
