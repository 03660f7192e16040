"""The templates node: the styles a cover can be made in."""
