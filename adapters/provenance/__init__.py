"""Where a picture came from, said in the file itself and signed: Content Credentials, IPTC, and China's labels.

`signing.sign` writes, `reading.read` reads back; both are plain functions for worker processes. `chain` makes and
checks the certificates. Nothing here asks the network, and nothing a user wrote, nor who the user is, goes into a file.
"""
