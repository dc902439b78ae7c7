"""The methods that ASAC is compared with; a module with ``@method`` is found by itself."""
