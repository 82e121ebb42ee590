"""What Harry thinks between turns, and what he does once a day."""
