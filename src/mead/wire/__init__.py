# SPDX-License-Identifier: Apache-2.0
"""Protocol cores without I/O: bytes in, facts and bytes out (`mead.wire.core`)."""
