"""Whatever goes wrong inside becomes problem+json here.

What nobody expected is logged, and answered without its text.
"""

import logging

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from contracts.errors import Internal, Malformed, ServiceError
from edge.exchange import Exchange, Handler, Result
from edge.problems import from_http, problem_answer
from edge.routes import Route

log = logging.getLogger(__name__)


def errors(route: Route, inner: Handler) -> Handler:
    """Turn exceptions into answers. Redirects and the like, which aiohttp raises too, pass."""

    async def handle(exchange: Exchange) -> Result:
        try:
            return await inner(exchange)
        except ConnectionError:
            raise  # the client has gone: there is nobody to answer
        except Exception as error:
            if exchange.streaming is not None:
                return _cut_off(route, exchange, exchange.streaming, error)
            if isinstance(error, web.HTTPException) and error.status < 400:
                raise
            return problem_answer(_known(route, exchange, error), exchange.request_id)

    return handle


def _known(route: Route, exchange: Exchange, error: Exception) -> ServiceError:
    """What the caller may know of `error`."""
    if isinstance(error, ServiceError):
        return error
    if isinstance(error, web.HTTPException):
        return from_http(error)
    if isinstance(error, web.RequestPayloadError | HttpProcessingError):
        return Malformed("The body could not be read.")
    fields = {"action": "request_failed", "request_id": exchange.request_id}
    log.error("%s failed", route.name, exc_info=error, extra=fields)
    return Internal()


def _cut_off(route: Route, exchange: Exchange, response: web.StreamResponse, error: Exception) -> web.StreamResponse:
    """End the connection, so that the client sees a broken answer and not a short one."""
    fields = {"action": "stream_failed", "request_id": exchange.request_id}
    log.error("%s broke off", route.name, exc_info=error, extra=fields)
    if exchange.request.transport is not None:
        exchange.request.transport.abort()
    return response
