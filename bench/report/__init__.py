"""What the analysis found, as text: tables, their formats, the page, and what each command prints."""
