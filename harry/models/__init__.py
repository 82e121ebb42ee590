"""Models to be fetched: which there are, and how they come to this computer whole."""
