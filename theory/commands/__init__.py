"""The subcommands of numbers: one file each, its options above its answer."""
