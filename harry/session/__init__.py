"""One conversation: its actors, its conductor, its turns, its history."""
