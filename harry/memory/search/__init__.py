"""Search over memory items: BM25, vectors, and how the two rankings are joined."""
