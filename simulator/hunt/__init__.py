"""The hunt: random scripts in random weather, until a conservation law breaks.

A script is data (script.py). A memory system performs it and delivers as badly as it is told (system.py);
the laws are checked after each step and again at rest (laws.py). A search draws scripts and shrinks the one
that breaks a law (generation.py, search.py, shrink.py). docs/twin-test.md tells the whole story.
"""
