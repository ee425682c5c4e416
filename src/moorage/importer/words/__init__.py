"""The words of an import: verdicts, reasons, paths, choices."""
