"""Age buckets, exactly qshape's: geometric, in minutes, counted in recipients."""

from bisect import bisect_right

BUCKET_MINUTES: tuple[int, ...] = (5, 10, 20, 40, 80, 160, 320, 640, 1280)
"""Upper bounds, exclusive; a tenth bucket holds everything older."""

BUCKETS = len(BUCKET_MINUTES) + 1

BUCKET_SECONDS: tuple[int, ...] = tuple(60 * minutes for minutes in BUCKET_MINUTES)


def bucket(age: float) -> int:
    """Which bucket (0 to 9) an age in seconds falls in; an arrival in the future counts as new."""
    return bisect_right(BUCKET_SECONDS, age)
