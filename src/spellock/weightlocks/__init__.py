"""Weight locks: keys made of a model's own weights; encrypted weights; bounds on what a change of weights does."""
