"""One stack for all tests that need nothing special of theirs: each signs up as somebody of its own."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator

import pytest

from tests.support.api import Running, whole_stack


@pytest.fixture(scope="session")
def common_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A stack with the usual settings, which no test may stop or reconfigure.

    Its loop is in a thread of its own, because it outlives the loops of the tests.
    """
    loop, opened = asyncio.new_event_loop(), contextlib.AsyncExitStack()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        begun = opened.enter_async_context(whole_stack(tmp_path_factory.mktemp("common")))
        yield asyncio.run_coroutine_threadsafe(begun, loop).result()
        asyncio.run_coroutine_threadsafe(opened.aclose(), loop).result()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
