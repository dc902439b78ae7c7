"""The methods that FineFACE is compared with; a module with ``@method`` is found by itself."""
