"""Unified data and algorithm fairness (ICDM 2022): adversarial samples, a mask, reactivated weights."""
