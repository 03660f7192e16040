"""Adapters that break when a fault is active, each around a real one that it otherwise leaves alone.

In a system where faults are not allowed nothing is wrapped, so that nothing of this can happen there.
"""
