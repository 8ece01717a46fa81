"""What there is to know, asked of others: every question has its own time limit, and none of them raises."""
