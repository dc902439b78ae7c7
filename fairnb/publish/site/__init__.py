"""The site: all of fairnb to be read without running anything (`make site`), and its check (`make site-check`)."""
