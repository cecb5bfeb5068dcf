"""Editors: keyed image transforms, one file each. `load_editor` in `registry` loads the one that a key names."""
