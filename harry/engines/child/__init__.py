"""An engine in a process of its own: the protocol between the two, the engine as Harry has it, and that process."""
