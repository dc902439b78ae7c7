"""The figures of ICDM 2022."""
