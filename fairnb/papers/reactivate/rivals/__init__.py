"""The methods that ICDM 2022 is compared with; a module with ``@method`` is found by itself."""
