/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel's kselftest_harness.h with a time limit for each test that suits
 * an emulator. TEST() takes TEST_TIMEOUT_DEFAULT where it is used, so a file
 * may define it anew before a longer test.
 */
#ifndef HFT_HARNESS_H
#define HFT_HARNESS_H

#include <kselftest_harness.h>

#include "hft.h"

#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 60

#endif
