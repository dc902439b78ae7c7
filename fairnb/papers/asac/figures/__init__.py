"""The figures of ASAC."""
