/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What may stand in an argument of a system call of a random program. Each
 * draws a value as the system call wants it, in a register; what it points to
 * stays until the process draws for its next call.
 */
#ifndef HFT_FUZZ_ARGS_H
#define HFT_FUZZ_ARGS_H

#include "hft_fuzz.h"

typedef uint64_t fuzz_arg(struct fuzz_task *t);

fuzz_arg arg_none, arg_fd, arg_slot, arg_unix_fd, arg_family, arg_type,
	 arg_protocol, arg_addr, arg_addr_len, arg_room, arg_buf, arg_len, arg_flags,
	 arg_level, arg_option, arg_value, arg_value_len, arg_how, arg_number,
	 arg_request, arg_number_ptr, arg_polls, arg_polls_len, arg_msg, arg_msgs,
	 arg_iov, arg_many, arg_time, arg_accept_flags, arg_file_command,
	 arg_file_flags, arg_rights;

#endif
