"""What tests share: whole sessions in virtual time, real servers on the loopback interface, recorded speech."""
