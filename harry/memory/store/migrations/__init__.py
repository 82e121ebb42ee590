"""The schema's versions, in order: each module takes a store from the version before."""
