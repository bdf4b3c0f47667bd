"""The embedded target: one emulator process, pinned, with a few patches."""
