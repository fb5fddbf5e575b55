"""Texts and their labels: the sets that people bring, and the corpus that is bundled."""
