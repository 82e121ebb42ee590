"""Reflexes: what Harry does by himself, without any model, instantly and in his persona's words.

The grammar is data, a file for each language, matched by hassil; what a reflex does is a function of its name.
"""
