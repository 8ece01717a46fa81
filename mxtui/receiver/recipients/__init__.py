"""Which recipients the primary would take: those it would refuse are refused here, or we would have to bounce them."""
