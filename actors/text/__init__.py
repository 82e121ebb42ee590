"""What may be spoken of a reply, and how words are read: pure text rules, without trio or a clock."""
