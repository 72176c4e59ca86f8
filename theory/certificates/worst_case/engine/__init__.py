"""What the worst-case programs share: solving and judging, and runs as trees."""
