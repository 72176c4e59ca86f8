"""The article: one HTML page that opens offline and fetches nothing.

``article.py`` puts it together. What it says is made of the claims with their evidence (``claims.py``), the numbers beside the figures of
the gallery (``answers.py``, ``numbers.py``), what the report ran itself (``runs.py``), and the meanings of symbols (``symbols.py``).
``templates/`` has all HTML, ``page.css`` and the scripts what a browser does with it, and ``calculator.py`` what the page can be asked.
"""
