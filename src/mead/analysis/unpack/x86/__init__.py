# SPDX-License-Identifier: Apache-2.0
"""A small emulator of 32-bit x86 and of as much Windows as an unpacking stub wants.

It exists to let the stub of a packed program do its own unpacking. Nothing of it touches the host.
"""
