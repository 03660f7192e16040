"""All providers of the settings."""

from adapters.identity import IdentityProvider
from adapters.identity.registered import GOOGLE, Registered, read_client, read_issuers


def open_providers(google: str, github: str, oidc: str) -> tuple[IdentityProvider, ...]:
    """Google, GitHub and the issuers of `oidc`, as far as they are set; nothing is asked of them yet.

    Raises ValueError for what `read_client` and `read_issuers` do not take.
    """
    if not (google or github or oidc):
        return ()
    # Authlib and httpx take a quarter of a second, which an installation without providers need not spend.
    from adapters.identity.github import GitHubProvider  # noqa: PLC0415 -- as said above
    from adapters.identity.oidc import OidcProvider  # noqa: PLC0415 -- as said above

    found: list[IdentityProvider] = []
    if google:
        found.append(OidcProvider(Registered("google", "Google", GOOGLE, read_client(google))))
    if github:
        found.append(GitHubProvider(read_client(github)))
    return (*found, *(OidcProvider(each) for each in read_issuers(oidc)))
