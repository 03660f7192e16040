"""The stages of a request, one per file; `edge/stages.py` puts them in order."""
