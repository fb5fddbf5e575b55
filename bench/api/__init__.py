"""What ``import deploybench`` offers to programs and notebooks; ``deploybench/__init__.py`` names it."""
