"""Pictures and pages: records and theory in, figures and reports out. Never runs anything but the checks."""
