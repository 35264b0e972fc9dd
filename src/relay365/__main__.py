"""`python -m relay365`: the same as the command `relay365`."""

from relay365.cli.main import main

if __name__ == "__main__":
    main()
