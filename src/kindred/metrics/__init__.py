"""Business metrics that SQL can't compute: what a customer will be worth."""
