# SPDX-License-Identifier: Apache-2.0
"""Looking at bodies: analysers, unpacking, the recursive pipeline and its worker."""
