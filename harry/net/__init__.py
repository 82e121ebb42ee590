"""What leaves this computer: the egress policy and its log, the HTTP client, server-sent events."""
