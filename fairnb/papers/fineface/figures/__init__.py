"""The figures of FineFACE."""
