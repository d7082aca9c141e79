# SPDX-License-Identifier: Apache-2.0
"""The faces of web servers, and commands found inside requests."""
