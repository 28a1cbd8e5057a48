"""`python -m tocsin_cli` is the same as `tocsin`."""

from tocsin_cli.main import main

if __name__ == "__main__":
    main()
