"""Pictures and pages: records and theory in, figures, tables and reports out. Never runs anything but the checks."""
