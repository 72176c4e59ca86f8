"""The gradient moments of networks that are known by their names, before and after a short training.

``networks.py`` says which networks, and on which data; ``experiment.py`` makes the record (`tsla records known_architectures`).
"""
