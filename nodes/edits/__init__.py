"""The edits node: sessions on a finished cover, with versions, undo and redo."""
