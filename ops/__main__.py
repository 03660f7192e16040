"""`python -m ops` is `covergen`."""

import sys

from ops.cli import main

sys.exit(main())
