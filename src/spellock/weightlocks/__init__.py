"""Weight locks: keys made of the model's own weights (AdaLoc, CoreLocker and kin), and whole-file encryption."""
