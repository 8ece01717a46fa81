"""`mxtui --plain`: the console as lines and words, for screen readers and for lines too slow for a screen."""
