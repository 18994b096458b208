"""What on-call is told in Teams: what the card says, and posting it."""
