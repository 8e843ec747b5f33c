"""What operators do by hand: dead letters again, parked customers released, sources waived."""
