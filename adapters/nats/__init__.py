"""The only place that imports nats-py: connection, bus, responder, job puller, service discovery, object store."""
