"""Shoppers: who they are, what they do with what they are served, and how they reach a shop."""
