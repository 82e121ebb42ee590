"""What all conversations of a process share: storage, engines, memory, tools, budget; and how one is begun."""
