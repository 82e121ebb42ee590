"""What commands, API and page ask for: one layer under all three."""
