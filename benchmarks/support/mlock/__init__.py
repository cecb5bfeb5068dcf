"""M-LOCK's Tables 1 and 2: the paper's numbers, the settings, one cell, tables and the plot."""
