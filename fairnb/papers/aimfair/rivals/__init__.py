"""The methods that AIM-Fair is compared with; a module with ``@method`` is found by itself."""
