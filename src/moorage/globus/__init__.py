"""What we ask of Globus, in our words, and the globus-sdk answer. No Django here."""
