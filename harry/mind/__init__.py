"""The mind: language models near and far, and the prompt they are asked with."""
