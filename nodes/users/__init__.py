"""The users node: profiles, preferences and the quota of covers."""
