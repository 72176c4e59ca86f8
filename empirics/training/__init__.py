"""Training a network on data by SGD, with and without smoothing, measuring the gradient moments along the way.

Its modules are imported by their names: ``configuration`` knows no torch, and the options of `tsla train` are made from it.
"""
