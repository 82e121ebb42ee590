"""What Harry's own tests and the tests of his builders use: scripted engines and a loudspeaker for virtual time."""
