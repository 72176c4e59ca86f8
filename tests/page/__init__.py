"""What the page computes and shows, in node and in a browser."""
