"""What answers look like: pages for people, paper, tables."""
