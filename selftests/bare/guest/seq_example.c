// SPDX-License-Identifier: GPL-2.0
/*
 * The example of Documentation/seqpacket.rst, which the Makefile takes from
 * there, so that what it shows is known to work.
 */
#include "seqpacket_example.h"
