"""`python -m harry.cli` is the command `harry`."""

from harry.cli.app import main

if __name__ == "__main__":
    main()
