"""Start, deploy, seed, watch and audit the system on a target; the command line behind the Makefile."""
