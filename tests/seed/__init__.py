"""The seed spreadsheet and its reader."""
