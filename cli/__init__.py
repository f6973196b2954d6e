"""The ``jingwei`` command, a file per group of commands; the only room that knows all others."""
