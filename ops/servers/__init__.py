"""The embedded servers: one module each, started from wheels on loopback, with their data under `$COVERGEN_HOME`."""
