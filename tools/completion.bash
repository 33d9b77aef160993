# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# Completion for hfping, hfevent and hafstat: options, commands, and VMs, for those who
# may read debugfs.

_hafnium_vms() {
	sed -n 's/^vm=\([0-9]*\) .*/\1/p' /sys/kernel/debug/hafnium/vms 2>/dev/null
}

_hafnium() {
	local current=$2 words
	case $1 in
	*hafstat) words="-1 -j -d -n -V -h" ;;
	*hfping) words="-c -s -i -W -V -h $(_hafnium_vms)" ;;
	*)
		case ${COMP_WORDS[1]} in
		ring) words="-c -n -h $(_hafnium_vms)" ;;
		watch) words="-b -n -h $(_hafnium_vms)" ;;
		query) words="-h $(_hafnium_vms)" ;;
		esac
		[ "$COMP_CWORD" != 1 ] || words="ring watch query -V -h"
		;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}

complete -F _hafnium hfping hfevent hafstat
