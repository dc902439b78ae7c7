"""Runs, their records, and what follows from them: tables, verdicts, provenance, the audit of printed numbers."""
