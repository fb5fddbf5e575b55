"""Where the chunks of a scoring are answered."""
