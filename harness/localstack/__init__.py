"""The LocalStack target: a container where a Docker engine runs, the same as a process elsewhere."""
