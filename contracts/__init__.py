"""What crosses the wire between nodes: structs, then the contracts that name subject, types and callers."""
