"""`harry run`: the process that holds engines, stores and sessions until it is told to end."""
