"""The exports node: files of finished covers for the places where they will be used."""
