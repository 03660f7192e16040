"""HTTP in, contracts out."""
