"""Who may speak, whether an utterance is over, and whether it is meant for Harry: pure state machines."""
