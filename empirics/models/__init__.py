"""Networks, their files, and calls that leave them as they were."""
