"""What makes results out of the papers: notebooks, the driver behind ``make reproduce``, the pages on GitHub."""
