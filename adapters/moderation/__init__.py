"""Judging texts and pictures: rules on data files (built in), and plain checks that a picture is a picture.

`rulebook.py` is what callers use for texts, `pictures.py` for pictures. The data files under `rules/` are the policy:
`policy.toml` says what is blocked or reviewed, `words/*.toml` hold the words, `titles.toml` what passes.
"""
