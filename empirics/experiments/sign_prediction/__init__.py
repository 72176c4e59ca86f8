"""Branches: from one snapshot of plain SGD, smoothed, plain and shrunk steps go on with common batches (the test of C12 and C14).

``predictions.py`` says, from the moments at the snapshot, which of two arms will have the lower ``‖∇F‖²``; ``copies.py`` steps many copies
of a network side by side; ``configs.py`` and ``experiment.py`` run both, and ``verdicts.py`` counts how often the prediction came true.
"""
