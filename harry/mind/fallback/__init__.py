"""Several language models as one: the next stands in within a turn when one fails."""
