"""The stream of consciousness by days, and the evening's journal."""
