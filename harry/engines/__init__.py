"""How engines are found, loaded, leased to turns, run in worker threads, and replaced."""
