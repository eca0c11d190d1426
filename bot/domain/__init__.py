"""The nouns of the newsroom: frozen values, enums and the error tree. No I/O, no imports of ours."""
