"""A generated secret leaves out punctuation when the template says so.

Without it: ``ExcludePunctuation`` is ignored by the stack's resource, so the API key holds quotes and
backslashes that no curl example survives.
Fails without it: test_target_api.py::test_the_generated_api_key_is_plain_letters_and_digits.
"""

import string

from ministack.services.cloudformation import provisioners


def apply() -> None:
    """Give the generator of secret strings the characters that it overlooks."""
    generate = provisioners._sm_secret_string

    def secret_string(props):
        wanted = props.get("GenerateSecretString")
        if wanted and str(wanted.get("ExcludePunctuation", "")).lower() == "true":
            excluded = wanted.get("ExcludeCharacters", "") + string.punctuation
            props = {**props, "GenerateSecretString": {**wanted, "ExcludeCharacters": excluded}}
        return generate(props)

    provisioners._sm_secret_string = secret_string
