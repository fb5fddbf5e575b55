"""What single choices and settings of the runtimes are worth."""
