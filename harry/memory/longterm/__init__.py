"""Long-term memory: importing, chunking, embedding and selecting items."""
