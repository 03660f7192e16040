"""What text may be: patterns that Python's `re` and JSON Schema read alike, each with a sentence for people.

No pattern ends in `$` alone, which would let a newline follow.
"""

from typing import Annotated

import msgspec

ONE_LINE = r"^[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]*$(?!\n)"
PROSE = r"^[^\x00]*$(?!\n)"
EMAIL = r"^[^@\s]+@[^@\s]+\.[^@\s]+$(?!\n)"
USERNAME = r"^[A-Za-z0-9][A-Za-z0-9._-]*$(?!\n)"
URL = r"^https?://\S+$(?!\n)"
REDIRECT_URI = (
    r"^(https://[A-Za-z0-9][A-Za-z0-9.-]*|http://(localhost|127\.0\.0\.1|\[::1\]))(:[0-9]{1,5})?"
    r"(/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*)?(\?[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*)?$(?!\n)"
)
LANGUAGE = r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$(?!\n)"
COLOUR = r"^#[0-9a-fA-F]{6}$(?!\n)"
SLUG = r"^[a-z][a-z0-9-]*$(?!\n)"
FILE_NAME = r"^[a-z0-9-]+\.[a-z]+$(?!\n)"
STEP = r"^[a-z_]+(/undo)?$(?!\n)"
CODE = r"^[a-z][a-z0-9_]*$(?!\n)"
PREDICTION = r"^[A-Za-z0-9]+$(?!\n)"
DELIVERY = r"^[A-Za-z0-9._-]+$(?!\n)"
SUBJECT = r"^((\*|[^\s.*>\x00-\x1f\x7f]+)\.)*(\*|>|[^\s.*>\x00-\x1f\x7f]+)$(?!\n)"

SENTENCES = {
    ONE_LINE: "must be one line with something to read and without control characters",
    PROSE: "must not have the character NUL",
    EMAIL: "must be an e-mail address",
    USERNAME: "must begin with a letter or digit and have only letters, digits, dots, dashes and underscores",
    URL: "must be an address that begins with http:// or https://",
    REDIRECT_URI: "must begin with https://, or with http:// on localhost, 127.0.0.1 or [::1], and have no fragment",
    LANGUAGE: "must be a language tag such as en or pt-BR",
    COLOUR: "must be a colour such as #1a2b3c",
    SLUG: "must be lower-case letters, digits and dashes, beginning with a letter",
    FILE_NAME: "must be the name of a file: lower-case letters, digits and dashes, a dot and an ending",
    STEP: "must be the name of a step",
    PREDICTION: "must be letters and digits",
    DELIVERY: "must be letters, digits, dots, dashes and underscores",
    CODE: "must be lower-case letters, digits and underscores, beginning with a letter",
    SUBJECT: "must be a subject: words, * or a last > with dots between",
}

OptionName = Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=ONE_LINE)]
OptionText = Annotated[str, msgspec.Meta(max_length=200, pattern=PROSE)]
