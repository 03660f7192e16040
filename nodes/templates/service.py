"""The templates node: its contracts and their handlers."""

import logging
import time
import uuid
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import msgspec

from adapters.mongo import Database, DuplicateKey, now
from adapters.mongo_outbox import Send
from contracts import auth, covers, templates
from contracts.auth import AccountDeleted
from contracts.covers import CoverCompleted
from contracts.errors import Conflict, FieldError, NotFound
from contracts.templates import (
    Categories,
    ChooseTemplate,
    CreateTemplate,
    DeleteTemplate,
    DeleteUserTemplate,
    GetTemplate,
    ListCategories,
    ListTemplates,
    ListUserTemplates,
    SaveUserTemplate,
    StyleParams,
    Template,
    TemplatePage,
    UpdateTemplate,
    UpdateUserTemplate,
    UserTemplate,
    UserTemplatePage,
)
from contracts.wire import Context, Done
from nodes.bindings import Binding, Chore, listen, serve
from nodes.departed import Departed, gone
from nodes.templates.model import (
    Known,
    Seed,
    Sketch,
    caller,
    categories,
    changed,
    changes_of,
    check_admin,
    check_prompt,
    check_use,
    choose,
    made,
    read_seeds,
)
from nodes.templates.store import TemplateStore

log = logging.getLogger(__name__)

SEEDS_FILE = Path(__file__).with_name("seeds.json")
FRESH_SECONDS = 5.0
"""How long the brief list that styles are chosen from may be old."""
MOST_OWN = 200
NO_OWN = "You have no such own style."
_TRIES = 3
ANYTHING = Known()
"""Nothing is checked."""


class Templates:
    """Styles to search and choose from, popular first, and each user's own variants of them."""

    name = "templates"

    def __init__(
        self,
        database: Database,
        send: Send,
        *,
        known: Known = ANYTHING,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`send` publishes changes, `known` is what styles may ask for; `clock` counts seconds."""
        self._store = TemplateStore(database, send)
        self._departed = Departed(database)
        self._known = known
        self._clock = clock
        self._shelf: tuple[Sketch, ...] = ()
        self._shelf_until = float("-inf")
        self.bindings: tuple[Binding, ...] = (
            serve(templates.LIST, self.list),
            serve(templates.GET, self.get),
            serve(templates.CATEGORIES, self.categories),
            serve(templates.CHOOSE, self.choose),
            serve(templates.CREATE, self.create),
            serve(templates.UPDATE, self.update),
            serve(templates.DELETE, self.delete),
            serve(templates.SAVE_MINE, self.save_mine),
            serve(templates.LIST_MINE, self.list_mine),
            serve(templates.UPDATE_MINE, self.update_mine),
            serve(templates.DELETE_MINE, self.delete_mine),
            listen(covers.COMPLETED, self.cover_completed),
            listen(auth.ACCOUNT_DELETED, self.account_deleted),
        )

    @property
    def chores(self) -> tuple[Chore, ...]:
        """What it does by itself."""
        return (Chore("tell of changed styles", 1.0, self.tell),)

    async def tell(self) -> None:
        """Tell of changes that were not told yet."""
        await self._store.outbox.sweep()

    async def prepare(self, seeds: tuple[Seed, ...] | None = None) -> None:
        """Create indexes and the built-in styles; safe to repeat, and in several instances at once."""
        await self._store.prepare()
        await self._departed.prepare()
        for seed in read_seeds(SEEDS_FILE.read_bytes()) if seeds is None else seeds:
            await self._store.plant(seed)

    async def list(self, ask: ListTemplates, context: Context) -> TemplatePage:
        """Search and filter, most popular first. Raises Invalid for a bad cursor."""
        return await self._store.page(ask)

    async def get(self, ask: GetTemplate, context: Context) -> Template:
        """One style. Raises NotFound."""
        return (await self._found(ask.template_id))[0]

    async def categories(self, ask: ListCategories, context: Context) -> Categories:
        """All categories that have styles."""
        counts = Counter(sketch.category for sketch in await self._store.sketches())
        return Categories(items=categories(counts))

    async def choose(self, ask: ChooseTemplate, context: Context) -> Template:
        """The style asked for (also one of the caller's own), or the one that fits the hint, or the most popular
        standard one.

        Raises NotFound, and Forbidden for a premium style on the free tier, or an own one made of it.
        """
        if ask.template_id is not None:
            template = await self._wanted(ask.template_id, context.user_id)
            check_use(template, context.tier)
            return template
        for sketches in (await self._sketches(), await self._store.sketches()):
            chosen = choose(sketches, ask.hint, context.tier, self._known.unseen)
            found = await self._store.find(chosen) if chosen is not None else None
            if found is not None:
                return found[0]
            self._shelf_until = float("-inf")  # the list was old: the style is gone
        raise NotFound("There is no style to choose from.")

    async def create(self, request: CreateTemplate, context: Context) -> Template:
        """Add a style (admins); idempotent by the idempotency key. Raises Forbidden, Invalid, Conflict."""
        check_admin(context)
        check_prompt(request.prompt_template)
        self._known.check(request.style_params)
        template = made(request, _new_id(context), context.user_id, now())
        try:
            added = await self._store.add(template)
        except DuplicateKey as error:
            raise _name_taken(template.name) from error
        if added:
            log.info("style %s was added", template.id, extra={"action": "style_added"})
        return template if added else (await self._found(template.id))[0]

    async def update(self, request: UpdateTemplate, context: Context) -> Template:
        """Change a style (admins). Raises Forbidden, NotFound, Invalid, Conflict."""
        check_admin(context)
        if isinstance(request.prompt_template, str):
            check_prompt(request.prompt_template)
        if isinstance(request.style_params, StyleParams):
            self._known.check(request.style_params)
        for _ in range(_TRIES):
            template, revision = await self._found(request.template_id)
            new = changed(template, request)
            try:
                if await self._store.replace(new, revision):
                    return new
            except DuplicateKey as error:
                raise _name_taken(new.name) from error
        raise Conflict("Others are changing this style right now. Try again.")

    async def delete(self, request: DeleteTemplate, context: Context) -> Done:
        """Remove a style (admins); covers made in it keep their recipe. Raises Forbidden, NotFound."""
        check_admin(context)
        if not await self._store.remove(request.template_id):
            raise NotFound("There is no such style.")
        log.info("style %s was removed", request.template_id, extra={"action": "style_removed"})
        return Done()

    async def save_mine(self, request: SaveUserTemplate, context: Context) -> UserTemplate:
        """Keep the caller's own variant; idempotent by the idempotency key.

        Raises Unauthenticated, Invalid, NotFound, Forbidden for a premium style on the free tier, Conflict at 200.
        """
        user_id = caller(context)
        self._known.check(request.customizations, "customizations")
        template, _ = await self._found(request.template_id)
        check_use(template, context.tier)
        own = UserTemplate(
            id=_new_id(context),
            template_id=request.template_id,
            name=request.name,
            customizations=request.customizations,
            created_at=now(),
        )
        kept = await self._store.save_own(user_id, own)
        if kept is own and await self._store.count_own(user_id) > MOST_OWN:  # counted after, as others save meanwhile
            await self._store.remove_own(user_id, own.id)
            raise Conflict(f"You have {MOST_OWN} own styles already, and no more fit.")
        if await self._departed.has(user_id):
            await self._store.clear_own(user_id)
            raise gone()
        return kept

    async def list_mine(self, ask: ListUserTemplates, context: Context) -> UserTemplatePage:
        """The caller's own styles, newest first. Raises Unauthenticated, Invalid for a bad cursor."""
        return await self._store.page_own(caller(context), ask)

    async def update_mine(self, request: UpdateUserTemplate, context: Context) -> UserTemplate:
        """Change one of the caller's own styles; again changes nothing. Raises Unauthenticated, Invalid, NotFound."""
        user_id = caller(context)
        if isinstance(request.customizations, StyleParams):
            self._known.check(request.customizations, "customizations")
        kept = await self._store.change_own(user_id, request.template_id, changes_of(request))
        if kept is None:
            raise NotFound(NO_OWN)
        return kept

    async def delete_mine(self, request: DeleteUserTemplate, context: Context) -> Done:
        """Remove one of the caller's own styles. Raises Unauthenticated, and NotFound when there is none any more."""
        if not await self._store.remove_own(caller(context), request.template_id):
            raise NotFound(NO_OWN)
        return Done()

    async def cover_completed(self, event: CoverCompleted, context: Context) -> None:
        """A style that is used becomes more popular; idempotent by the task's id."""
        await self._store.count_use(event.task_id, event.template_id)

    async def account_deleted(self, event: AccountDeleted, context: Context) -> None:
        """Remove a user's own styles for good; idempotent."""
        await self._departed.mark(event.user_id)
        await self._store.clear_own(event.user_id)

    async def _wanted(self, template_id: uuid.UUID, user_id: uuid.UUID | None) -> Template:
        """A style, or the one that an own style of the user was made of, with what the user changed."""
        own = None if user_id is None else await self._store.own(user_id, template_id)
        if own is None:
            return (await self._found(template_id))[0]
        template, _ = await self._found(own.template_id)
        return msgspec.structs.replace(template, name=own.name, style_params=own.customizations)

    async def _found(self, template_id: uuid.UUID) -> tuple[Template, int]:
        found = await self._store.find(template_id)
        if found is None:
            raise NotFound("There is no such style.")
        return found

    async def _sketches(self) -> tuple[Sketch, ...]:
        """All styles in brief, at most 5 s old."""
        if self._clock() >= self._shelf_until:
            self._shelf = await self._store.sketches()
            self._shelf_until = self._clock() + FRESH_SECONDS
        return self._shelf


def _new_id(context: Context) -> uuid.UUID:
    """A new id; the same one for the same idempotency key of the same user."""
    if context.idempotency_key is None or context.user_id is None:
        return uuid.uuid4()
    return uuid.uuid5(context.user_id, context.idempotency_key)


def _name_taken(name: str) -> Conflict:
    return Conflict(f"There is a style called “{name}” already.", errors=(FieldError(field="name", detail="is taken"),))
