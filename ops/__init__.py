"""The composition root and the operator's tools: settings, embedded servers, the supervisor, the command line.

May import everything; nothing imports it.
"""
