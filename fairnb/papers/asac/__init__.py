"""ASAC (2024): adversarial examples of a protected-attribute head as counterfactuals, in a curriculum."""
