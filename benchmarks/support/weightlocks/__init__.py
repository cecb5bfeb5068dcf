"""What `weight_locks.py` measures: data, networks, training, locks, thefts, and how they are shown."""
