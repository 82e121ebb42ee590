"""What Harry keeps, on disk or in memory: the conversation as it was heard, and his stream of consciousness."""
