"""One file a subcommand: its answer."""
