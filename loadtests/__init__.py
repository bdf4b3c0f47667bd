"""Load tests: what is sent when, what it is measured by, and whether that met its objectives.

Only `loadtests.generator` imports Locust, which patches the standard library when it is imported: it runs in
processes of its own. Everything else here is plain values, for the harness and the dashboard to read.
"""
