"""How far a change of weights can move a network's outputs: proven upper bounds, beside what is measured."""
