"""FineFACE (ICPR 2024): experts on shallow and deep layers teach each other through attention crops."""
