"""How people and model fare: words of a crisis, that Harry is an AI, ends of conversations, plain goodbyes."""
