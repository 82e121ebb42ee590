"""What Harry promises about privacy, tried on whole processes and on the bytes they leave behind."""
