"""How English is read aloud where it is written short: one module a kind, its words in `languages/en.spoken.toml`."""
