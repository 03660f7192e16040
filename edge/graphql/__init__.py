"""GraphQL for partners: operations of the table of routes under one address, and tasks to watch over a WebSocket."""
