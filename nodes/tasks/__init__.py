"""The tasks node: sagas. Begin with `service.py`; the rules are in `model.py`."""
