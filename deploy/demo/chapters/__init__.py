"""The chapters of the story, a module for each part of the main job."""
