"""The stages of a request, one per file; `edge/app.py` puts them in order."""
