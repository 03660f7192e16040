"""The pydantic models that FastAPI and FastStream share: the same fields and limits as Covergen's contracts."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, Field

Line = Annotated[str, Field(min_length=1, max_length=150, pattern=r"\S")]


class GetUser(BaseModel):
    """Whose profile."""

    user_id: UUID | None = None


class User(BaseModel):
    """A profile."""

    id: UUID
    email: str
    username: str
    full_name: str | None
    avatar_url: str | None
    subscription_tier: str
    created_at: datetime
    updated_at: datetime


class GenerateCover(BaseModel):
    """What a user asks for."""

    title: Line
    subtitle: Line | None = None
    author: Line | None = None
    prompt: Annotated[str, Field(max_length=2000)] | None = None
    template_id: UUID | None = None
    format: Literal["ebook", "square", "thumbnail"] = "ebook"
    variations: Annotated[int, Field(ge=1, le=1)] = 1
    seed: Annotated[int, Field(ge=0, lt=2**53)] | None = None
    palette: tuple[Annotated[str, Field(pattern=r"^#[0-9a-fA-F]{6}$")], ...] = ()


class CoverAccepted(BaseModel):
    """The work has begun."""

    task_id: UUID
    cover_id: UUID
    status: str
