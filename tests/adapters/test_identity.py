"""Identity providers against one that is told to be wrong: what it says is believed only where it holds."""

import time
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import pytest_asyncio

from adapters.crypto import new_opaque_token
from adapters.identity import Flow, Identity, IdentityProvider
from adapters.identity.client import MAX_BYTES
from adapters.identity.github import GitHubProvider
from adapters.identity.oidc import FRESH, REREAD, OidcProvider
from adapters.identity.opening import open_providers
from adapters.identity.registered import GITHUB, Client, Registered, checked_url, read_client, read_issuers
from contracts.errors import ServiceError, Unauthenticated, Unavailable
from tests.support.oidc_server import CLIENT_ID, PERSON, SECRET, Provider, a_provider, visited

US = Client(CLIENT_ID, SECRET)


@pytest_asyncio.fixture
async def op() -> AsyncIterator[Provider]:
    """A provider."""
    async with a_provider() as provider:
        yield provider


@pytest.fixture
def passed() -> list[float]:
    """Seconds on the clock that measures how old things are."""
    return [0.0]


@pytest_asyncio.fixture
async def oidc(op: Provider, passed: list[float]) -> AsyncIterator[OidcProvider]:
    """We at the provider."""
    provider = OidcProvider(Registered("op", "The OP", op.url, US), monotonic=lambda: passed[0])
    yield provider
    await provider.close()


def a_flow() -> Flow:
    """A sign-in."""
    values = {name: new_opaque_token() for name in ("state", "nonce", "verifier")}
    return Flow(**values, redirect_uri="https://covers.example.org/callback")


async def signed_in(provider: IdentityProvider, flow: Flow | None = None, **other: Any) -> Identity:
    """A whole sign-in; `other` replaces what is presented at its end."""
    flow = flow or a_flow()
    answer = await visited(await provider.authorization_url(flow))
    assert answer["state"] == flow.state
    given = {"code": answer["code"], "flow": flow, "iss": answer.get("iss"), **other}
    return await provider.identify(given["code"], given["flow"], iss=given["iss"])


async def refusal(work: Any) -> type[ServiceError]:
    """The class of the error, whose text says nothing that a provider or a client keeps to itself."""
    with pytest.raises(ServiceError) as caught:
        await work
    assert not any(word in str(caught.value) for word in (SECRET, "secret words", "bearer-of-the-op"))
    return type(caught.value)


async def test_who_somebody_is(op: Provider, oidc: OidcProvider) -> None:
    """The claims of the ID token; description and keys are asked for once."""
    found = [await signed_in(oidc) for _ in range(2)]
    expected = Identity(
        issuer=op.url, subject="person-1", email="grace@example.org", email_verified=True, name="Grace Hopper"
    )

    assert found == [expected, expected]
    assert (op.asked.count("/jwks"), op.asked.count("/.well-known/openid-configuration")) == (1, 1)


async def test_the_address_of_the_providers_page(oidc: OidcProvider) -> None:
    """PKCE by S256, state, nonce and scopes are in it; the verifier is not."""
    flow = a_flow()
    url = await oidc.authorization_url(flow)
    query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}

    assert query["code_challenge_method"] == "S256"
    assert (query["state"], query["nonce"], query["redirect_uri"]) == (flow.state, flow.nonce, flow.redirect_uri)
    assert query["scope"] == "openid email profile"
    assert flow.verifier not in url
    assert SECRET not in url


WRONG_CLAIMS: dict[str, dict[str, Any]] = {
    "nonce": {"nonce": "another"},
    "no nonce": {"nonce": None},
    "audience": {"aud": "somebody-else"},
    "two audiences, no party": {"aud": [CLIENT_ID, "somebody-else"]},
    "party": {"aud": [CLIENT_ID, "x"], "azp": "x"},
    "issuer": {"iss": "https://another.example.org"},
    "expired": {"exp": time.time() - 61},
    "no expiry": {"exp": None},
    "expiry as text": {"exp": "9999999999"},
    "of the future": {"iat": time.time() + 3600},
    "no time of issue": {"iat": None},
    "not yet": {"nbf": time.time() + 3600},
    "no subject": {"sub": ""},
    "subject is a number": {"sub": 7},
}


@pytest.mark.parametrize("wrong", WRONG_CLAIMS, ids=str)
async def test_claims_that_do_not_hold(op: Provider, oidc: OidcProvider, wrong: str) -> None:
    """A token with one wrong claim is refused; the breaker takes that for an answer."""
    op.claims = WRONG_CLAIMS[wrong]

    assert await refusal(signed_in(oidc)) is Unauthenticated
    assert oidc.breaker.failures_in_a_row == 0


async def test_claims_within_the_leeway(op: Provider, oidc: OidcProvider) -> None:
    """Clocks may differ by a minute; several audiences are good with us as the party."""
    op.claims = {"exp": time.time() - 30, "iat": time.time() + 30, "aud": [CLIENT_ID, "x"], "azp": CLIENT_ID}

    assert (await signed_in(oidc)).subject == "person-1"


@pytest.mark.parametrize("algorithm", ["none", "HS256", "RS512"])
async def test_algorithms_that_are_not_allowed(op: Provider, oidc: OidcProvider, algorithm: str) -> None:
    """No signature, an HMAC with the public key as its secret, and what is not on the list, are refused."""
    op.algorithm = algorithm

    assert await refusal(signed_in(oidc)) is Unauthenticated


async def test_pss_signatures(op: Provider, oidc: OidcProvider) -> None:
    """PS256 is allowed too."""
    op.algorithm = "PS256"

    assert (await signed_in(oidc)).subject == "person-1"


async def test_keys_that_rotate(op: Provider, oidc: OidcProvider, passed: list[float]) -> None:
    """An unknown key makes us read the set again, once a minute at most; then its tokens are good."""
    await signed_in(oidc)
    op.rotate()
    assert await refusal(signed_in(oidc)) is Unauthenticated
    op.published = 2
    assert await refusal(signed_in(oidc)) is Unauthenticated
    assert op.asked.count("/jwks") == 2

    passed[0] += REREAD + 1
    assert (await signed_in(oidc)).subject == "person-1"
    assert op.asked.count("/jwks") == 3


async def test_a_forged_signature(op: Provider, oidc: OidcProvider) -> None:
    """Another key under a known name does not help."""
    await signed_in(oidc)
    op.rotate()
    op.keys[-1] = type(op.keys[-1]).import_key({**op.keys[-1].as_dict(private=True), "kid": "first"})

    assert await refusal(signed_in(oidc)) is Unauthenticated


async def test_codes_work_once_and_with_their_verifier(op: Provider, oidc: OidcProvider) -> None:
    """The provider refuses a code that is used, and one without the verifier of its challenge."""
    flow = a_flow()
    answer = await visited(await oidc.authorization_url(flow))
    await oidc.identify(answer["code"], flow, iss=answer["iss"])

    assert await refusal(oidc.identify(answer["code"], flow)) is Unauthenticated
    assert await refusal(signed_in(oidc, flow=None, code="made-up")) is Unauthenticated
    other = a_flow()
    answer = await visited(await oidc.authorization_url(other))
    stolen = Flow(state=other.state, nonce=other.nonce, verifier="x" * 43, redirect_uri=other.redirect_uri)
    assert await refusal(oidc.identify(answer["code"], stolen)) is Unauthenticated


async def test_answers_of_another_issuer(op: Provider, oidc: OidcProvider) -> None:
    """A description that names another issuer is not believed, nor an answer that does."""
    assert await refusal(signed_in(oidc, iss="https://another.example.org")) is Unauthenticated
    assert "/token" not in op.asked  # the code was not given away
    op.discovery = {"authorization_response_iss_parameter_supported": True}
    fresh = OidcProvider(Registered("op", "The OP", op.url, US))
    assert await refusal(signed_in(fresh, iss=None)) is Unauthenticated
    op.discovery = {"issuer": "https://another.example.org"}
    mixed = OidcProvider(Registered("op", "The OP", op.url, US))
    assert await refusal(mixed.authorization_url(a_flow())) is Unavailable
    await fresh.close()
    await mixed.close()


async def test_a_provider_that_is_down(op: Provider, oidc: OidcProvider, passed: list[float]) -> None:
    """Unavailable, with a sentence that names it; what was read before serves on; its breaker opens in the end."""
    await signed_in(oidc)
    op.down = True
    passed[0] += FRESH + 1
    assert (await oidc.authorization_url(a_flow())).startswith(op.url)
    fresh = OidcProvider(Registered("op", "The OP", op.url, US))
    with pytest.raises(Unavailable, match="The OP does not answer as it should"):
        await fresh.authorization_url(a_flow())
    assert await refusal(fresh.authorization_url(a_flow())) is Unavailable
    assert fresh.breaker.state == "open"
    await fresh.close()


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/token", b"x" * (MAX_BYTES + 1)),
        ("/token", b"[1]"),
        ("/token", b"not json"),
        ("/jwks", b'{"keys": 7}'),
        ("/jwks", b"[" * 100_000),
        ("/.well-known/openid-configuration", b"[]"),
    ],
)
async def test_nonsense(op: Provider, oidc: OidcProvider, path: str, body: bytes) -> None:
    """What means nothing, or is too long, is an outage of the provider and no fault of ours."""
    op.raw[path] = body

    assert await refusal(signed_in(oidc)) is Unavailable


async def test_addresses_come_from_userinfo_too(op: Provider, oidc: OidcProvider) -> None:
    """Where the ID token has none; but only those of the same subject."""
    op.claims = {"email": None, "email_verified": None}
    assert (await signed_in(oidc)).email is None
    op.discovery = {"userinfo_endpoint": f"{op.url}/userinfo"}
    fresh = OidcProvider(Registered("op", "The OP", op.url, US))
    found = await signed_in(fresh)
    assert (found.email, found.email_verified) == (PERSON["email"], True)
    op.claims["sub"] = "somebody-else"
    assert await refusal(signed_in(fresh)) is Unauthenticated
    await fresh.close()


async def test_github(op: Provider) -> None:
    """Its number, and its primary address as verified as it is; never the one that the profile shows."""
    github = GitHubProvider(US, site=op.url, api=op.url)
    found = await signed_in(github)
    op.person["email_verified"] = False
    unverified = await signed_in(github)
    op.raw["/user"] = b'{"id": "583231"}'

    assert found == Identity(issuer=GITHUB, subject="583231", email=PERSON["email"], email_verified=True, name="Grace")
    assert (unverified.email, unverified.email_verified) == (PERSON["email"], False)
    assert await refusal(signed_in(github)) is Unauthenticated
    await github.close()


@pytest.mark.parametrize(
    ("url", "issuer", "good"),
    [
        ("https://op.example.org/token", "https://op.example.org", True),
        ("https://api.example.org/token", "https://op.example.org", True),
        ("http://op.example.org/token", "https://op.example.org", False),
        ("https://169.254.169.254/latest", "https://op.example.org", False),
        ("https://10.0.0.5/token", "https://op.example.org", False),
        ("https://10.0.0.5/token", "https://10.0.0.5", True),
        ("https://[::1]/token", "https://op.example.org", False),
        ("https://localhost/token", "https://op.example.org", False),
        ("http://127.0.0.1:9/token", "http://127.0.0.1:8", True),
        ("http://op.example.org/token", "http://127.0.0.1:8", False),
        ("https://user:word@op.example.org/", "https://op.example.org", False),
        ("file:///etc/passwd", "https://op.example.org", False),
        (7, "https://op.example.org", False),
    ],
)
def test_what_an_issuer_can_make_us_call(url: object, issuer: str, good: bool) -> None:
    """https and no internal number, unless the issuer itself is there."""
    if good:
        assert checked_url(url, issuer) == url
    else:
        with pytest.raises(ValueError, match=r"address|must be"):
            checked_url(url, issuer)


@pytest.mark.parametrize(
    "text",
    ["x", "x=https://op.example.org", "x=id@https://op.example.org", "google=i:s@https://a.b", "X=i:s@https://a.b",
     "x=i:sesame@http://op.example.org", "x=i:s@ftp://a", "x=i:s@https://a.b?q=1",
     "x=i:s@https://a.b,x=i:s@https://c.d"],
)  # fmt: skip
def test_issuers_that_cannot_be(text: str) -> None:
    """Each is refused without its secret in the message."""
    with pytest.raises(ValueError, match=r"must|twice") as caught:
        read_issuers(text)
    assert "sesame" not in str(caught.value)


async def test_all_providers_of_the_settings() -> None:
    """In the operator's order; secrets are in no text of theirs."""
    found = open_providers(
        "gid:gsecret", "hid:hsecret", "my-op=id:sec:r@t@https://op.example.org, b=i:s@http://[::1]:9"
    )
    for provider in found:
        await provider.close()

    assert [(each.name, each.title) for each in found] == [
        ("google", "Google"), ("github", "GitHub"), ("my-op", "My Op"), ("b", "B")]  # fmt: skip
    assert "sec:ret" not in repr(read_client("id:sec:ret"))
    assert read_client("id:sec:ret").secret == "sec:ret"
