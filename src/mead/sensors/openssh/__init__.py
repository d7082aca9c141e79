# SPDX-License-Identifier: Apache-2.0
"""Looking like an OpenSSH server: what each version offers, and the parts that asyncssh does otherwise."""
