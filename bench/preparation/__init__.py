"""From labelled files as they come to splits that can be trusted: no text twice, none in two splits, and what gives labels away."""
