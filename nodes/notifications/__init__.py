"""The notifications node: what a user should know, in the inbox of the app."""
