"""What a locked model is worth with the key and without it: UP, LP, hardened LP, wrong keys, and the report."""
