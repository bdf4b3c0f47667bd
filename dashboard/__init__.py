"""The live dashboard: what is served and why, pivots, trending, experiments, health."""
