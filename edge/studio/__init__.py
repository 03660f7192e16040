"""The studio: the pages where people make covers. Plain modules for the browser, one shell rendered by the edge."""
