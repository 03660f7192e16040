"""The families of art, one module each; a new one is a module and a line in this table."""

from adapters.images.painter.families import (
    botanical,
    brutalist,
    city,
    cosmos,
    deco,
    halftone,
    ink,
    landscape,
    marble,
    mesh,
    midcentury,
    oil,
    papercut,
    ribbons,
    watercolour,
    woodcut,
)
from adapters.images.painter.scene import Family

_MODULES = (
    landscape,
    cosmos,
    ribbons,
    deco,
    midcentury,
    oil,
    ink,
    mesh,
    botanical,
    brutalist,
    city,
    papercut,
    marble,
    woodcut,
    halftone,
    watercolour,
)
FAMILIES: dict[str, Family] = {module.FAMILY.name: module.FAMILY for module in _MODULES}
