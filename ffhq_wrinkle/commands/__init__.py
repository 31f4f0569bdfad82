"""Commands: each reads its options, calls one library function, and prints the result.

Heavy libraries load inside the commands, so that ``--help`` is instant.
"""

from .build_weak import build_weak_command

COMMANDS = [build_weak_command]
