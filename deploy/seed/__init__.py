"""What the demo starts from: invented shops of Lampung and Banten with plausible products."""
