"""The actors: who listens, remembers, answers, speaks and writes it down. They import `channels`, never `harry`."""
