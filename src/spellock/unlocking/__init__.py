"""A locked model and a key, together: predictions."""
