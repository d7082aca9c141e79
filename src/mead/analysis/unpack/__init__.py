# SPDX-License-Identifier: Apache-2.0
"""Taking bodies out of other bodies: one module per family of formats, listed in `formats`."""
