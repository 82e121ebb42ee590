"""Harry's inner life: what he thinks between turns, what he has in mind, his mornings and his journal."""
