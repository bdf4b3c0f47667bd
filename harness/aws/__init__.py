"""AWS as a target: stages, what they change, who may, and how they go away again.

stage.py        a stage's file: region, prefix and parameters, in the SAM CLI's own format
account.py      who calls, in which account and region
faults.py       what AWS refused, as one line with the way out
change_sets.py  what a deployment would change: made by the SAM CLI, shown, executed or discarded
deploy.py       `make deploy TARGET=aws STAGE=…`
destroy.py      `make destroy TARGET=aws STAGE=…`
deployed.py     the deployed system, read from its stacks
confirm.py      the questions before anything is changed
"""
