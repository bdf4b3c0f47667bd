"""A stage's file: what it must say, and that those which ship say it."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
import yaml

from harness.aws.change_sets import Change
from harness.aws.stage import SECTIONS, load_stage
from harness.deploy import NO_IMAGES_PUSHED, quoted
from harness.settings import Refusal, Settings, settings_from_environment
from harness.stacks import APPLICATION, STACKS, TemplateLoader, parameters_of
from harness.system import REPOSITORY

SHIPPED = ("dev", "prod")
WHOLE = """
[data.deploy.parameters]
stack_name = "x-offerloop-data"
region = "eu-west-1"
parameter_overrides = "Prefix=x-"
[default.deploy.parameters]
region = "eu-west-1"
parameter_overrides = ["Prefix=x-", "ParameterKey=CorsOrigins,ParameterValue=https://a,https://b"]
s3_bucket = "ours"
[observability.global.parameters]
region = "eu-west-1"
[observability.deploy.parameters]
parameter_overrides = { Prefix = "x-" }
"""


def an_application(folder: Path, **files: str) -> Path:
    (folder / "stages").mkdir()
    for name, text in files.items():
        (folder / "stages" / f"{name}.toml").write_text(text)
    return folder


def test_a_stage_is_read_in_every_form_that_the_sam_cli_takes(tmp_path: Path) -> None:
    stage = load_stage("staging", an_application(tmp_path, staging=WHOLE))

    assert (stage.name, stage.region, stage.prefix) == ("staging", "eu-west-1", "x-")
    assert stage.parameters == {
        "data": {"Prefix": "x-"},
        "application": {"Prefix": "x-", "CorsOrigins": "https://a,https://b"},
        "observability": {"Prefix": "x-"},
    }
    assert stage.artifacts == ("ours", "x-offerloop")


def test_the_prefix_is_the_stage_s_name_where_the_file_says_nothing(tmp_path: Path) -> None:
    bare = "\n".join(f'[{section}.deploy.parameters]\nregion = "eu-west-1"' for section in SECTIONS.values())

    assert load_stage("staging", an_application(tmp_path, staging=bare)).prefix == "staging-"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("", "TARGET=aws needs STAGE=: staging in stages/"),
        ("moon", "there is no stage moon: staging in stages/"),
        ("Staging", "is no stage's name"),
        ("a" * 17, "is no stage's name"),
        ("staging-", "is no stage's name"),
        ("../x", "is no stage's name"),
    ],
)
def test_a_stage_that_is_not_there_is_refused_with_those_that_are(
    name: str, words: str, tmp_path: Path
) -> None:
    with pytest.raises(Refusal) as refusal:
        load_stage(name, an_application(tmp_path, staging=WHOLE))
    assert words in str(refusal.value)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("[data.deploy", "[data.deploy", None),
        ("[data.deploy.parameters]", "[data.deploy.parameters", "is not TOML"),
        ("[data.deploy.parameters]", "[other.deploy.parameters]", "has no section [data.deploy.parameters]"),
        ('"Prefix=x-"\n', '"Prefix=y-"\n', "the sections differ in Prefix: [data] y-, [default] x-"),
        ('overrides = "Prefix=x-"', 'overrides = ""', "the sections differ in Prefix: [data] None"),
        ('"x-offerloop-data"', '"offerloop-data"', 'its prefix makes it "x-offerloop-data"'),
        ('[observability.global.parameters]\nregion = "eu-west-1"', "", "the sections differ in region"),
        ('["Prefix=x-", "Par', '["Prefix", "Par', "'Prefix' in parameter_overrides is not name=value"),
    ],
)
def test_a_file_that_contradicts_itself_is_refused(
    old: str, new: str, words: str | None, tmp_path: Path
) -> None:
    assert old in WHOLE
    application = an_application(tmp_path, staging=WHOLE.replace(old, new))
    if words is None:
        load_stage("staging", application)
        return
    with pytest.raises(Refusal) as refusal:
        load_stage("staging", application)
    assert words in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("name", SHIPPED)
def test_a_stage_that_ships_names_only_parameters_that_its_templates_take(name: str, tmp_path: Path) -> None:
    stage = load_stage(name, REPOSITORY)
    settings = Settings("aws", REPOSITORY, tmp_path, None, stage.prefix, stage.region, False, stage)

    for stack in STACKS:
        declared = yaml.load((REPOSITORY / stack.template).read_text(), TemplateLoader)["Parameters"]
        for parameter, value in parameters_of(settings, stack).items():
            allowed = declared[parameter].get("AllowedValues")
            assert allowed is None or value in map(str, allowed)


@pytest.mark.parametrize("name", SHIPPED)
def test_a_stage_that_ships_asks_before_it_acts_and_tags_what_it_makes(name: str) -> None:
    file = tomllib.loads((REPOSITORY / "stages" / f"{name}.toml").read_text())

    for section in SECTIONS.values():
        options = file[section]["deploy"]["parameters"]
        assert (options["confirm_changeset"], options["fail_on_empty_changeset"]) == (True, False)
        assert f"stage={name}" in options["tags"]


def test_a_parameter_that_no_template_has_is_refused(tmp_path: Path) -> None:
    stage = load_stage("staging", an_application(tmp_path, staging=WHOLE.replace("CorsOrigins", "Cors")))
    settings = Settings("aws", REPOSITORY, tmp_path, None, "x-", "eu-west-1", False, stage)

    with pytest.raises(Refusal, match=r"stages/staging.toml: template.yaml has no parameter Cors"):
        parameters_of(settings, APPLICATION)


def test_the_environment_names_the_stage(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in {"TARGET": "aws", "STAGE": "dev", "OFFERLOOP_STATE": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    for name in ("PREFIX", "OFFERLOOP_APPLICATION"):
        monkeypatch.delenv(name, raising=False)

    settings = settings_from_environment()

    assert (settings.target, settings.prefix, settings.state_dir) == ("aws", "dev-", tmp_path / "aws-dev")
    assert settings.words == " TARGET=aws STAGE=dev"
    monkeypatch.setenv("PREFIX", "other-")
    with pytest.raises(Refusal, match="stage dev has the prefix dev-"):
        settings_from_environment()


@pytest.mark.parametrize(
    ("change", "endangers"),
    [
        (Change("Add", "Offers", "AWS::DynamoDB::Table", ""), False),
        (Change("Modify", "Offers", "AWS::DynamoDB::Table", "False"), False),
        (Change("Modify", "Offers", "AWS::DynamoDB::Table", "Conditional"), True),
        (Change("Modify", "Offers", "AWS::DynamoDB::Table", "True"), True),
        (Change("Remove", "Offers", "AWS::DynamoDB::Table", ""), True),
        (Change("Modify", "Role", "AWS::IAM::Role", "True"), False),
        (Change("Remove", "Role", "AWS::IAM::Role", ""), False),
    ],
)
def test_what_holds_data_is_warned_of_when_it_may_be_replaced_or_goes(
    change: Change, endangers: bool
) -> None:
    assert change.endangers_data is endangers


@pytest.mark.parametrize(
    ("value", "given"), [("dev-", "dev-"), ("", '""'), ("a b", '"a b"'), ("https://a,https://b",) * 2]
)
def test_a_parameter_s_value_reaches_the_sam_cli_whole(value: str, given: str) -> None:
    assert quoted(value) == given


@pytest.mark.parametrize("file", ["samconfig.toml", "stages/dev.toml", "stages/prod.toml"])
def test_a_bare_sam_deploy_is_told_that_no_image_is_pushed(file: str) -> None:
    """Without it the SAM CLI refuses the template, because of the image that a parameter names."""
    sections = tomllib.loads((REPOSITORY / file).read_text())

    assert sections["default"]["deploy"]["parameters"]["image_repository"] == NO_IMAGES_PUSHED
