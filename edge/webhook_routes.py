"""The routes by which providers of images tell us something; they prove themselves by a signature over the message."""

from contracts import pictures
from edge.route import Route

WEBHOOKS: tuple[Route, ...] = (
    Route(
        method="POST",
        path="/webhooks/images/replicate",
        contract=pictures.TELL,
        handler="webhook",
        access="public",
        status=204,
        body="json",
        guard="webhook",
        tag="webhooks",
        summary="Replicate says that a prediction has ended (Standard Webhooks); 404 where that is not set up",
    ),
)
