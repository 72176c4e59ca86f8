"""What makes the records and the documents: the paper's part. Nothing below imports it."""
