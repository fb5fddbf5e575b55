"""Large files of texts, labelled by one variant."""
