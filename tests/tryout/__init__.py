"""`make sweep`: the very function that is deployed, run once against the small Azure on this machine."""
