# SPDX-License-Identifier: GPL-2.0
"""What selftests/run is made of: conf -> build -> boot -> ktap, judge."""
