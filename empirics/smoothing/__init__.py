"""What label smoothing is: ŷ, θ over time, the loss."""
