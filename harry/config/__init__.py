"""The configuration: its sections, where each value comes from, and how it is loaded and checked."""
