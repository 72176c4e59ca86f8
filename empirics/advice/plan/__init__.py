"""What a pilot run predicts of smoothing, and what is known of rules for when to drop it."""
