"""What every run needs: files, records, resuming, progress, workers."""
