"""What makes the records: the paper's part. Nothing below imports it."""
