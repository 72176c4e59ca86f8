"""Functions of ``theory`` as JavaScript, made of their source: what the page computes is what Python computes.

``program.py`` follows what the functions call, ``syntax.py`` has the syntax, ``runtime.js`` the part of Python and NumPy that they use.
"""
