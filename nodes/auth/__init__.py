"""The auth node: accounts, passwords, sessions and signing keys."""
