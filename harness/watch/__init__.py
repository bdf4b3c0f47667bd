"""`make watch`: what is saved in the checkout runs on the emulator within two seconds, without a deployment.

The functions get the very files that a deployment would give them: the code as it is saved, beside the
dependencies of the last deployment. Only `make deploy` changes what a stack says; it also takes back what was
watched.
"""
