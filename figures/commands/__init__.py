"""The subcommands that draw, check and report: one file each, its options above its answer."""
