"""Functions of ``theory`` as JavaScript, made of their source: what the page computes is what Python computes.

:class:`Program` follows what the functions call; :mod:`.syntax` has the syntax, and ``runtime.js`` the part of Python and NumPy that it uses.
"""
