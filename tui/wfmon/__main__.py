"""``python -m wfmon``."""

from wfmon.cli.main import main

raise SystemExit(main())
