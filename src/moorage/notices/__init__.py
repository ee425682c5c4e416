"""What people are told: on pages and by e-mail."""
