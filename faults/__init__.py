"""The fault suite: what breaks while people buy, and that nothing is lost, doubled or left lying afterwards."""
