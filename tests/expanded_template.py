"""The templates as AWS sees them: SAM's own translator has turned its resources into CloudFormation's."""

from __future__ import annotations

import json
import os
import subprocess
from functools import cache
from typing import Any

from harness.system import REPOSITORY, without_aws_account

Resource = dict[str, Any]

# Runs under the interpreter of the SAM CLI, which brings the translator. The code's address is not looked at,
# but has to be one of S3; without a map of managed policies, a policy named in a template would be refused.
_EXPAND = """
import json, sys
from pathlib import Path
import boto3
from samcli.yamlhelper import yaml_parse
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
template = yaml_parse(Path(sys.argv[1]).read_text())
template["Globals"]["Function"]["CodeUri"] = "s3://bucket/code.zip"
values = {name: each["Default"] for name, each in template["Parameters"].items()}
session = boto3.Session(region_name="us-east-1")
print(json.dumps(Translator({}, Parser(), boto_session=session).translate(template, values)))
"""
_READ = """
import json, sys
from pathlib import Path
from samcli.yamlhelper import yaml_parse
print(json.dumps(yaml_parse(Path(sys.argv[1]).read_text())))
"""


@cache
def application() -> dict[str, Any]:
    """Give template.yaml, expanded; its conditions and functions such as ``Ref`` stay what they are."""
    return _in_sam(_EXPAND, "template.yaml")


@cache
def data() -> dict[str, Any]:
    """Give sam/data.yaml, with the short forms of functions written out."""
    return _in_sam(_READ, "sam/data.yaml")


@cache
def observability() -> dict[str, Any]:
    """Give sam/observability.yaml, with the short forms of functions written out."""
    return _in_sam(_READ, "sam/observability.yaml")


def of_type(template: dict[str, Any], kind: str) -> dict[str, Resource]:
    """Give the resources of one type by their logical ids."""
    return {name: each for name, each in template["Resources"].items() if each["Type"] == kind}


def _in_sam(program: str, template: str) -> dict[str, Any]:
    ended = subprocess.run(
        [str(REPOSITORY / ".sam/bin/python"), "-c", program, str(REPOSITORY / template)],
        env=without_aws_account(os.environ),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    expanded: dict[str, Any] = json.loads(ended.stdout)
    return expanded
