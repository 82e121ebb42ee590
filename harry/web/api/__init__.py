"""Harry's own HTTP API: handlers, schemas, OpenAPI document, events and metrics."""
