"""The SQLite store: connections, schema, records, backup, erasure and the spill beside it."""
