"""The page: what can be asked of it, and the script that answers."""
