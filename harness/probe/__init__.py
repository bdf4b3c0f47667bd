"""The probe: what the running target keeps of the guarantees that the system relies on.

Every check is a small function with a claim as its name (harness/probe/checks). It looks on resources of its
own, which are removed afterwards, and gives a verdict with one line of evidence. `make probe` runs them all;
docs/targets.md is written from what they found on each target.
"""
