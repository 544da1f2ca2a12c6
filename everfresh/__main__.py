"""`python -m everfresh`: the same as the installed command."""

import sys

from everfresh.cli import main

sys.exit(main())
