"""Signatures of webhooks: a published vector, and every way to be wrong."""

import base64

import pytest

from adapters.webhooks import TOLERANCE, NotSigned, checked, read_key, signature

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # of Svix' documentation
BODY = b'{"test": 2432232314}'
AT = 1614265330
HEADERS = {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": str(AT),
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
}
KEY = read_key(SECRET)


def test_the_published_message_is_good() -> None:
    """The example of the standard's makers, which also says what the signature of another implementation is."""
    assert checked(KEY, HEADERS, BODY, AT) == HEADERS["webhook-id"]
    assert signature(KEY, HEADERS["webhook-id"], str(AT), BODY) == HEADERS["webhook-signature"]


def test_one_of_several_signatures_is_enough() -> None:
    """A sender that changes its key signs with both; versions that we do not know are passed over."""
    other = "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc= v2,abc"
    assert checked(KEY, {**HEADERS, "webhook-signature": f"{other} {HEADERS['webhook-signature']}"}, BODY, AT)


@pytest.mark.parametrize(
    ("headers", "body", "now"),
    [
        ({}, BODY + b" ", AT),
        ({"webhook-id": "msg_another"}, BODY, AT),
        ({"webhook-timestamp": str(AT + 1)}, BODY, AT),
        ({"webhook-signature": ""}, BODY, AT),
        ({"webhook-signature": HEADERS["webhook-signature"].removeprefix("v1,")}, BODY, AT),
        ({"webhook-signature": HEADERS["webhook-signature"].replace("v1", "v2")}, BODY, AT),
        ({"webhook-signature": " ".join(("v1,x",) * 10 + (HEADERS["webhook-signature"],))}, BODY, AT),
        ({"webhook-signature": "v1,\u00e9"}, BODY, AT),
        ({"webhook-id": ""}, BODY, AT),
        ({"webhook-id": "a b"}, BODY, AT),
        ({"webhook-timestamp": ""}, BODY, AT),
        ({"webhook-timestamp": "-1614265330"}, BODY, AT),
        ({"webhook-timestamp": "\u00b2"}, BODY, AT),
        ({"webhook-timestamp": "9" * 400}, BODY, AT),
        ({}, BODY, AT + TOLERANCE + 1),
        ({}, BODY, AT - TOLERANCE - 1),
    ],
)
def test_anything_else_is_not(headers: dict[str, str], body: bytes, now: float) -> None:
    """Another body, id, time or signature, none at all, too many, too old, from the future."""
    with pytest.raises(NotSigned):
        checked(KEY, {**HEADERS, **headers}, body, now)


@pytest.mark.parametrize("text", ["", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_", "whsec_!", "whsec_c2hvcnQ="])
def test_a_key_that_is_none_is_not_read(text: str) -> None:
    """Without its prefix, empty, no base64, too short; the text is not repeated."""
    with pytest.raises(ValueError, match="must be whsec_") as caught:
        read_key(text)
    assert "MfKQ" not in str(caught.value)


def test_a_key_is_bytes() -> None:
    """Of any length that is safe."""
    assert read_key("whsec_" + base64.b64encode(bytes(range(32))).decode()) == bytes(range(32))
