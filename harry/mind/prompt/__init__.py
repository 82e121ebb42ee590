"""The prompt: its typed parts, the persona, and how they are put together."""
