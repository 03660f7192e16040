"""The covers node: art, type on it, and the record of how each cover was made."""
