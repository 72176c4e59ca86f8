"""One file a subcommand: its options and its answer."""
