"""Files written whole or not at all, synced with their folder, and read and written without blocking the loop."""
