"""What a command prints, one file each."""
