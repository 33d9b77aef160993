/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Messages to a VM: senders, its send queue, EL2's mailbox, the mirror, readers, and which vCPU is run.
 *
 * Senders are hf_flow_send() with a send buffer of one message (a second one blocks), or, with NOW,
 * hf_flow_send_now() first, and room for two; and a secondary VM that sends through EL2 itself: by
 * FFA_MSG_SEND, which exits (SECONDARY: forward_message(), notify_some()), or by FFA_MSG_SEND2, which does not
 * (UNSEEN). With RETRY there is retry_work. The queue is under txq.lock; who waits and reads, and what EL2
 * gets, under wait_lock. Each vCPU is its runner with hf_wait_end(), FFA_RUN, hf_mailbox_exit(),
 * hf_mailbox_finish(); its guest is one of these:
 *   WAITER   FFA_MSG_WAIT, read, FFA_RX_RELEASE, for ever
 *   TAKER    waits in WFI for the readable interrupt, then polls until the mailbox is empty
 *   MUTE     waits in WFI with no interrupt enabled, for ever
 *   ONCE     a WAITER that turns MUTE after one message
 *   TURNS    a WAITER that turns TAKER after one message
 *   LEAVER   a WAITER that after one message polls and computes, and never exits by itself
 *   QUITTER  a WAITER that switches its vCPU off after one message
 *   POLLER   FFA_MSG_POLL and FFA_YIELD, for ever
 *   MIXED    a WAITER that polls once before it waits
 *   ACKER    has the readable interrupt enabled, computes for ever and never takes it
 *   SPINNER  computes for ever; ticks end its stays in the guest
 * hf_vcpu_request() is abstract here: a bit that gets a sleeping thread out of vcpu_block() and a
 * running guest out of FFA_RUN; that it does so is what vcpu_sleep.pml proves.
 *
 * EL2 comes in three kinds. Without a define it protects a page until it is released (to v2.8).
 * HANDS_TWICE (v2.9 to v2.11): a message that FFA_RUN handed over stays in the mailbox until it is
 * released, and each waiting vCPU that is run gets it; one that was taken without blocking is gone from
 * the mailbox at once, while its page is read. WAIT_RETURNS (v2.12 and later): a waiting vCPU that is run
 * returns to its guest, which calls again; so every message is taken without blocking. STEADY: all vCPUs
 * that use FFA_MSG_WAIT are in it at the beginning; otherwise they come up.
 *
 * Proves: every message is read, once, in the order of its sender, and no page is overwritten while it
 * is read; a sender that blocks for room is woken; from v2.12 on no waiting vCPU is run without a
 * message (STEADY); a sibling's timer is served, however many messages come (ENDLESS). No clock is
 * in it: of the two delays of retry_work that after which a VM is asked for an exit is needed for a guest
 * that computes and never exits by itself (leaver), and for nothing else. Report L1 (both scenarios), L5,
 * L6.
 * Not here: memory order (../litmus), messages to us. Assumed: guest time and yields, where they count
 * as evidence, are enough for a guest to have read (EVIDENCE below), and a vCPU that will use
 * FFA_MSG_WAIT has not computed that long before. On v2.9 to v2.11 vCPUs that come up while siblings
 * are sent messages may read one twice, whatever the driver does; so two waiters are STEADY there.
 *
 * Sites:  hf_wait.c:(F) hf_wait_accepted_locked(), hf_wait.c:(G) hf_wait_begin(),
 *         hf_flow.c:(H) send_next_locked(), hf_mailbox.c:(I) hf_mailbox_finish(),
 *         hf_vcpu.c:(D) vcpu_enter(), hf_wait.c:hf_wait_end(), hf_wait.c:hf_wait_exit(),
 *         hf_flow.c:offer_locked(), hf_flow.c:hf_flow_send_now(), hf_flow.c:retry_flows()
 *
 * Run:    waiter -DNVCPU=1 -DGUEST0=WAITER ltl=delivered,unblocked
 * Run:    taker -DNVCPU=1 -DGUEST0=TAKER ltl=delivered
 * Run:    mixed -DNVCPU=1 -DGUEST0=MIXED ltl=delivered
 * Run:    poller -DNVCPU=1 -DGUEST0=POLLER ltl=delivered
 * Run:    forward -DNVCPU=1 -DGUEST0=WAITER -DSECONDARY ltl=delivered
 * Run:    unseen -DNVCPU=1 -DGUEST0=WAITER -DUNSEEN ltl=delivered
 * Run:    turns -DNVCPU=1 -DGUEST0=TURNS -DSENDERS=1 ltl=delivered
 * Run:    leaver -DNVCPU=1 -DGUEST0=LEAVER -DSENDERS=1 -DMESSAGES=3 -DRETRY ltl=delivered
 * Run:    two-waiters -DNVCPU=2 -DGUEST0=WAITER -DGUEST1=WAITER -DSENDERS=1 ltl=delivered
 * Run:    now -DNVCPU=1 -DGUEST0=WAITER -DSENDERS=1 -DMESSAGES=3 -DNOW ltl=delivered,unblocked
 * Run:    now-two -DNVCPU=1 -DGUEST0=WAITER -DNOW ltl=delivered
 * Run:    work -DNVCPU=1 -DGUEST0=WAITER -DSENDERS=1 -DMESSAGES=3 -DRETRY -DMAY ltl=delivered
 * Run:    acker -DNVCPU=2 -DGUEST0=WAITER -DGUEST1=ACKER -DSENDERS=1 ltl=delivered
 * Run:    one-leaves -DNVCPU=2 -DGUEST0=ONCE -DGUEST1=WAITER -DSENDERS=1 ltl=delivered
 * Run:    smp-irq -DNVCPU=2 -DGUEST0=MUTE -DGUEST1=TAKER -DSENDERS=1 ltl=delivered
 * Run:    irq-smp -DNVCPU=2 -DGUEST0=TAKER -DGUEST1=MUTE -DSENDERS=1 ltl=delivered
 * Run:    both -DNVCPU=2 -DGUEST0=WAITER -DGUEST1=TAKER -DSENDERS=1 ltl=delivered
 * Run:    twice-waiter -DHANDS_TWICE -DNVCPU=1 -DGUEST0=WAITER ltl=delivered,unblocked
 * Run:    twice-mixed -DHANDS_TWICE -DNVCPU=1 -DGUEST0=MIXED ltl=delivered
 * Run:    twice-forward -DHANDS_TWICE -DNVCPU=1 -DGUEST0=WAITER -DSECONDARY ltl=delivered
 * Run:    twice-two -DHANDS_TWICE -DSTEADY -DNVCPU=2 -DGUEST0=WAITER -DGUEST1=WAITER -DSENDERS=1 -DMESSAGES=3
 *         -DTIMER ltl=delivered
 * Run:    twice-endless -DHANDS_TWICE -DSTEADY -DNVCPU=2 -DGUEST0=WAITER -DGUEST1=WAITER -DSENDERS=1
 *         -DENDLESS -DTIMER ltl=moves,timed
 * Run:    twice-spinner -DHANDS_TWICE -DNVCPU=2 -DGUEST0=WAITER -DGUEST1=SPINNER -DSENDERS=1 -DENDLESS ltl=moves
 * Run:    twice-quitter -DHANDS_TWICE -DSTEADY -DNVCPU=2 -DGUEST0=QUITTER -DGUEST1=WAITER -DSENDERS=1
 *         ltl=delivered
 * Run:    waiter-12 -DWAIT_RETURNS -DNVCPU=1 -DGUEST0=WAITER ltl=delivered,unblocked
 * Run:    now-12 -DWAIT_RETURNS -DSTEADY -DNVCPU=2 -DGUEST0=WAITER -DGUEST1=WAITER -DNOW ltl=delivered
 * Run:    forward-12 -DWAIT_RETURNS -DNVCPU=1 -DGUEST0=WAITER -DSECONDARY ltl=delivered
 * Run:    poller-12 -DWAIT_RETURNS -DNVCPU=1 -DGUEST0=POLLER ltl=delivered
 * Run:    taker-poller-12 -DWAIT_RETURNS -DNVCPU=2 -DGUEST0=MUTE -DGUEST1=POLLER -DSENDERS=1 ltl=delivered
 * Run:    two-12 -DWAIT_RETURNS -DSTEADY -DNVCPU=2 -DGUEST0=WAITER -DGUEST1=WAITER -DSENDERS=1 -DMESSAGES=3
 *         -DTIMER ltl=delivered
 * Run:    two-endless-12 -DWAIT_RETURNS -DSTEADY -DNVCPU=2 -DGUEST0=WAITER -DGUEST1=WAITER -DSENDERS=1
 *         -DENDLESS ltl=moves
 * Run:    work-12 -DWAIT_RETURNS -DSTEADY -DNVCPU=2 -DGUEST0=WAITER -DGUEST1=WAITER -DRETRY -DMAY ltl=delivered
 * Run:    two-begin-12 -DWAIT_RETURNS -DNVCPU=2 -DGUEST0=WAITER -DGUEST1=WAITER -DSENDERS=1 ltl=delivered
 * Run:    spinner-12 -DWAIT_RETURNS -DNVCPU=2 -DGUEST0=WAITER -DGUEST1=SPINNER -DSENDERS=1 -DENDLESS ltl=moves
 *
 * To v2.8 the driver is protected twice: by the mirror, and because hf_vcpu_request() follows each
 * injection whatever EL2 answers. So the historic driver is one mutant that has neither, and the mirror's
 * own mutants need a guest where the interrupt goes to one vCPU and another one reads (acker).
 *
 * Mutant: HISTORIC waiter: L1 A, L5: who was seen waiting, or else EL2's answer, decides
 * Mutant: WAITING_DECIDES acker: L1 A: a message that finds nobody waiting leaves no mark
 * Mutant: MIRROR_UNCHECKED acker: L1 A: no look at the mirror after announcing
 * Mutant: MIRROR_BEFORE_ANNOUNCE acker: L1 A: the look comes before the announcement
 * Mutant: MIRROR_AFTER_CHOICE acker: L1 A: the mirror is set after the look for a waiter
 * Mutant: MIRROR_CLEARED_AFTER_RUN acker: L3: a message that arrives during the run is forgotten
 * Mutant: WAITING_UNINITIALISED irq-smp: L1 B: a vCPU that never waits looks as if it did
 * Mutant: ALWAYS_FIRST smp-irq: the interrupt always goes to the first vCPU
 * Mutant: MIRROR_SKIPS_WAKE taker: L4: "a message is pending already" skips the wake-up
 * Mutant: QUEUE_FORGOTTEN waiter: the send queue is not looked at after an exit
 * Mutant: SEND_THEN_QUEUE waiter: a message that found the mailbox full is queued afterwards
 * Mutant: EXITS_IGNORED turns: a VM that waited once and does not wait now is not sent to
 * Mutant: ASK_FORGOTTEN leaver: no exit is asked for, and none comes that shows what the VM does
 * Mutant: UNSEEN_FORGOTTEN unseen: a full mailbox of a VM that waits makes nobody run
 * Mutant: NOTIFY_FORGOTTEN forward: a secondary VM is not told that the mailbox is free
 * Mutant: CLOCK_DECIDES waiter-12: L6: after a time the message counts as read
 * Mutant: READERS_FORGOTTEN two-12: L6: a message is sent because some vCPU waits, while another one reads
 * Mutant: READER_UNLOCKED two-12: a vCPU leaves FFA_MSG_WAIT between a sender's look and its send
 * Mutant: NOW_UNLOCKED now-12: the same without a queue
 * Mutant: QUEUE_OVERTAKEN now: a message goes past one of its sender that is queued
 * Mutant: RUN_FOR_NOTHING two-12: any request runs a waiting vCPU
 * Mutant: READERS_ZEROED two-begin-12: the first vCPU that waits makes the driver forget who reads
 * Mutant: NEWCOMER_FORGOTTEN two-begin-12: a vCPU that has not waited yet is no reader in a VM that waits
 * Mutant: COMPUTES_FOREVER spinner-12: guest time is no evidence, and a vCPU that computes a reader
 * Mutant: EVIDENCE_TOO_OLD poller-12: what a vCPU did before the message was accepted counts
 * Mutant: WAIT_IS_NO_LOOK forward-12: an exit that began before the message came clears the mirror
 * Mutant: SIBLING_RUN twice-two: a sibling is run while a message that was handed over is still there
 * Mutant: DEFER_FORGOTTEN twice-endless: a sibling that was early is not woken
 * Mutant: DEFER_STARVED twice-endless: the next message goes before the sibling that was early
 * Mutant: OFF_UNSEEN twice-quitter: a reader that was switched off is taken for one that sleeps
 */

/* Guests */
#define WAITER	0
#define TAKER	1
#define MUTE	2
#define ONCE	3
#define POLLER	4
#define MIXED	5
#define ACKER	6
#define TURNS	7
#define LEAVER	8
#define QUITTER	9
#define SPINNER	10

#if defined(HANDS_TWICE) || defined(WAIT_RETURNS)
#define RX_OVERWRITE
#endif
#ifdef CLOCK_DECIDES
#define RETRY
#endif
/* A lock that comes in the order of the calls matters where some process never ends to take it. */
#if defined(ENDLESS) || defined(RETRY) || GUEST0 == POLLER || GUEST1 == POLLER
#define FAIR
#endif

#ifndef MESSAGES
#define MESSAGES 2		/* of the first sender; the second one sends one */
#endif
#ifndef SENDERS
#define SENDERS 2
#endif
#define TOTAL (MESSAGES + SENDERS - 1)
#ifdef NOW
#define ROOM 2			/* one is queued, the next one might go past it */
#else
#define ROOM 1
#endif

/* Whether it matters that an interrupt is pending: the others never enable it. */
#ifndef GUEST1
#define GUEST1 MUTE
#endif
#define KIND(v)			((v) == 0 -> GUEST0 : GUEST1)
#ifdef WAIT_RETURNS
#define INTERRUPTIBLE(v)	false
#else
#define INTERRUPTIBLE(v)	(KIND(v) == TAKER || KIND(v) == ACKER || KIND(v) == TURNS)
#endif
#define LAST	(NVCPU - 1)

/* EL2: the VM's mailbox and its vCPUs */
#define EMPTY		0
#define RECEIVED	1
#define READ		2

#define RUNNABLE	0
#define IN_MSG_WAIT	1
#define IN_WFI		2
#define SWITCHED_OFF	3

/* What a guest has of the message in its RX page */
#define NOTHING	0
#define UNREAD	1
#define HELD	2

byte box = EMPTY;
byte box_id;			/* the message in it, or in the page */
byte el2[NVCPU];
byte has[NVCPU];
bool pending[NVCPU];		/* the readable interrupt */
bool listed;			/* the secondary sender waits for room */
#ifdef TIMER
bool due, timer_served;		/* the last vCPU's timer */
#endif
#ifdef RETRY
bool in_guest[NVCPU];
#endif

/* What FFA_RUN returns */
#define NONE		0
#define MSG_WAIT	1
#define WFI		2
#define YIELD		3
#define RX_RELEASE	4
#define INTERRUPT	5
#define OFF		6

/* The driver's struct hf_vm and struct hf_vcpu. Requests: MESSAGE, any other. */
#define REQ_MESSAGE	1
#define REQ_OTHER	2

bool message_pending;
bool waiting[NVCPU];
byte requests[NVCPU];
bool waits;			/* the VM uses FFA_MSG_WAIT */
#ifdef RX_OVERWRITE
bool readers[NVCPU];
bool pollers[NVCPU];		/* never in FFA_MSG_WAIT, nor known to compute for ever */
bool inside[NVCPU];		/* pollers in the guest */
bool stale[NVCPU];		/* vcpu->epoch != vm->epoch */
bool deferred[NVCPU];
#else
byte last_exit[NVCPU];
bool computes[NVCPU];
bool unseen;
#endif
byte hint;
chan queue = [SENDERS * ROOM] of { byte };
byte queued;			/* its length */
bool tx_locked;			/* vm->txq.lock: the queue */
bool wait_locked;		/* vm->wait_lock, inside it: who waits, who reads, what is sent */
#ifdef FAIR
chan tx_wanted = [4] of { byte };	/* who waits for the lock, in order */
chan wait_wanted = [4] of { byte };
#endif
#ifdef RETRY
bool retry_armed;		/* retry_work: by which of the two delays does not matter here */
#endif

byte room[SENDERS];		/* in the socket's send buffer */
bool writable;			/* the secondary sender's interrupt */

/* What the guests read */
byte received;
byte last[SENDERS];
bool tick;

/* A message's number says who sent it, and the how manieth it is, from 1. */
#define ID(s, n)	((s) * 16 + (n))
#define SENDER(id)	((id) / 16)
#define NUMBER(id)	((id) % 16)
#ifdef ENDLESS
#define NEXT(n)		((n) % 2 + 1)
#else
#define NEXT(n)		((n) + 1)
#endif

#define ANY_WAITS	(waiting[0] || waiting[LAST])
#ifdef RX_OVERWRITE
#ifdef READERS_FORGOTTEN
#define ANY_READS	false
#else
#define ANY_READS	(readers[0] || readers[LAST])
#endif
#ifdef DEFER_STARVED
#define ANY_DEFERRED	false
#else
#define ANY_DEFERRED	(deferred[0] || deferred[LAST])
#endif
#define MAY_SEND	(!ANY_READS && (!waits || (!message_pending && ANY_WAITS && !ANY_DEFERRED)))
#else
#define SERVES(v)	((last_exit[v] == INTERRUPT && !computes[v]) || last_exit[v] == RX_RELEASE || \
			 (last_exit[v] == MSG_WAIT && !waiting[v]))
#ifdef EXITS_IGNORED
#define SERVING		true
#else
#define SERVING		(SERVES(0) || SERVES(LAST))
#endif
#define MAY_SEND	(!waits || ANY_WAITS || !SERVING)
#endif
#define PAGE_IN_USE	(has[0] != NOTHING || has[LAST] != NOTHING)

#ifdef FAIR
#define LOCK(locked, wanted) \
	wanted ! _pid; \
	atomic { !locked && wanted ? [eval(_pid)] -> wanted ? eval(_pid); locked = true }
#else
#define LOCK(locked, wanted)	atomic { !locked -> locked = true }
#endif

inline lock_tx()
{
	LOCK(tx_locked, tx_wanted)
}

inline unlock_tx()
{
	tx_locked = false
}

inline lock_wait()
{
	LOCK(wait_locked, wait_wanted)
}

inline unlock_wait()
{
	wait_locked = false
}

inline request(v, r)
{
	requests[v] = requests[v] | (r)
}

inline interrupt_vm()
{
#ifdef ALWAYS_FIRST
	i = 0;
#else
	i = hint;
#endif
	do
	:: atomic {				/* HF_INTERRUPT_INJECT */
			one = (INTERRUPTIBLE(i) && !pending[i]);
			pending[i] = INTERRUPTIBLE(i)
		};
		atomic {
#ifdef HISTORIC
			if
			:: one -> request(i, REQ_OTHER)
			:: else
			fi;
#else
			request(i, REQ_OTHER);
#endif
			n++;
#ifdef ALWAYS_FIRST
			break;
#endif
			if
			:: one -> hint = i; break
			:: !one && n == NVCPU -> break
			:: else -> i = (i + 1) % NVCPU
			fi
		}
	od
}

inline look_for_waiter()
{
	atomic {				/* find_first_bit() */
		if
		:: waiting[0] -> i = 0
#if NVCPU > 1
		:: !waiting[0] && waiting[1] -> i = 1
#endif
		:: else -> i = NVCPU
		fi
	}
}

inline hf_wait_accepted_locked()
{
#if !defined(MIRROR_AFTER_CHOICE) && !defined(WAITING_DECIDES) && !defined(HISTORIC)
	atomic {
#ifdef RX_OVERWRITE
		readers[0] = readers[0] || inside[0];
		readers[LAST] = readers[LAST] || inside[LAST];
		stale[0] = true;
		stale[LAST] = true;
#endif
		message_pending = true			/* (F) */
	}
#else
	skip
#endif
}

inline hf_wait_notify()
{
	look_for_waiter();
#ifdef MIRROR_AFTER_CHOICE
	message_pending = true;
#endif
	if
	:: atomic { i < NVCPU -> request(i, REQ_MESSAGE) }
	:: else -> interrupt_vm()
	fi;
	atomic { i = 0; n = 0; one = false }	/* stale values only multiply the states */
}

inline accepted_and_notify()
{
#ifdef MIRROR_SKIPS_WAKE
	if
	:: message_pending
	:: else ->
#endif
	hf_wait_accepted_locked();
	hf_wait_notify()
#ifdef MIRROR_SKIPS_WAKE
	fi
#endif
}

/* FFA_MSG_SEND of the message m. On real EL2s a page that is read would be written here. */
inline put(m)
{
#ifdef RX_OVERWRITE
	assert(!PAGE_IN_USE);
#endif
	box = RECEIVED;
	box_id = m
}

/* The message at the head of the queue, id, is offered to EL2; under txq.lock. */
inline offer_locked(retry)
{
	lock_wait();
	if
#ifdef CLOCK_DECIDES
	:: MAY_SEND || retry ->
#else
	:: MAY_SEND ->
#endif
		atomic {			/* hf_tx_put() */
			if
			:: box == EMPTY -> queue ? <id>; put(id)
#if defined(UNSEEN) && !defined(UNSEEN_FORGOTTEN)
			:: box != EMPTY && !message_pending && ANY_WAITS && !SERVING && (!unseen || retry) ->
				unseen = true;	/* find_unseen_locked() */
				busy = true
#endif
			:: else
			fi
		}
	:: else
	fi;
	if
	:: id != 0 || busy -> accepted_and_notify()
	:: else
	fi;
	unlock_wait()
}

/* (H), take_turn_locked(). The lock is dropped; what was sent is consumed. */
inline send_next_locked(retry)
{
	if
	:: queued > 0 ->
		offer_locked(retry);
		atomic {
			busy = false;
			if
			:: id != 0 ->		/* unlink_locked(), leave_if_empty_locked() */
				queue ? eval(id);
				queued--
#ifdef UNSEEN
				;
				unseen = false
#endif
			:: else
			fi
#ifdef RETRY
			;
			retry_armed = queued > 0	/* queue_delayed_work() */
#endif
		}
	:: else
	fi;
	atomic {
		unlock_tx();
		if
		:: id != 0 -> room[SENDER(id)]++; id = 0	/* consume_skb() */
		:: else
		fi
	}
}

inline hf_flow_send_now()
{
#ifndef NOW_UNLOCKED
	lock_wait();
#endif
	if
#ifdef QUEUE_OVERTAKEN
	:: !message_pending && MAY_SEND ->
#else
	:: queued == 0 && !message_pending && MAY_SEND ->
#endif
		atomic {			/* hf_tx_put_from() */
			if
			:: box == EMPTY -> id = ID(me, m); put(id)
			:: else
			fi
		}
	:: else
	fi;
	if
	:: id != 0 -> hf_wait_accepted_locked()
	:: else
	fi;
#ifndef NOW_UNLOCKED
	unlock_wait();
#endif
	if
	:: id != 0 ->
		hf_wait_notify();
		atomic { id = 0; m = NEXT(m); goto next }
	:: else
	fi
}

/* hf_flow_send() in a loop, as a blocking socket does it */
proctype sender(byte me)
{
	byte m, i, n, id;
	bool one, busy;
#ifdef SEND_THEN_QUEUE
	bool was_full;
#endif

	m = 1;
	do
#ifndef ENDLESS
	:: m > (me == 0 -> MESSAGES : 1) -> break
	:: else ->
#else
	::
#endif
#ifdef NOW
		if
		:: room[me] > 0 -> hf_flow_send_now()		/* may_buffer() */
		:: else
		fi;
#endif
		atomic { room[me] > 0 -> room[me]-- };
		lock_tx();
#ifdef SEND_THEN_QUEUE
		was_full = (box != EMPTY);
		atomic { queue ! ID(me, m); queued++ };
		if
		:: was_full -> unlock_tx()
		:: else -> send_next_locked(false)
		fi;
#else
		atomic { queue ! ID(me, m); queued++ };
		send_next_locked(false);
#endif
		m = NEXT(m);
next:		skip
	od
}

#ifdef SECONDARY
/* A secondary VM and the driver's part in its sending: forward_message(), notify_some() */
proctype secondary(byte me)
{
	byte i, n;
	bool one;

retry:	atomic {				/* FFA_MSG_SEND by the guest, with the notify flag */
		if
#ifdef RX_OVERWRITE
		/* The primary has no part in it: a guest that knows when its peer reads. */
		:: box == EMPTY && !PAGE_IN_USE -> box = RECEIVED; box_id = ID(me, 1)
		:: box != EMPTY || PAGE_IN_USE -> goto retry
#else
		:: box == EMPTY -> box = RECEIVED; box_id = ID(me, 1)
		:: else -> listed = true; goto blocked
#endif
		fi
	};
	lock_wait();				/* hf_mailbox_arrived() */
#ifdef MIRROR_AFTER_CHOICE
	skip;
#endif
	hf_wait_accepted_locked();
	unlock_wait();
	hf_wait_notify();
	goto done;
blocked:
	atomic { writable -> writable = false };
	goto retry;
done:	skip
}
#endif

#ifdef UNSEEN
/* A secondary VM that uses FFA_MSG_SEND2: EL2 tells nobody. */
proctype send2(byte me)
{
end:	atomic { box == EMPTY -> box = RECEIVED; box_id = ID(me, 1) }
}
#endif

#ifdef RETRY
#ifdef RX_OVERWRITE
#define NEEDS_EXITS	(!waits || (readers[0] && pollers[0]) || (readers[LAST] && pollers[LAST]))
#else
#define NEEDS_EXITS	waits
#endif

/*
 * retry_flows(): as often as it is armed, where a guest that computes needs it; with MAY at any time,
 * twice or less. The guests get on between two kicks: then the delay is long enough.
 */
proctype retry_work()
{
	byte i, n, id;
	bool one, busy;
#ifdef MAY
	bool again;
#endif

end:	do
	:: retry_armed ->
		retry_armed = false;
#ifndef ASK_FORGOTTEN
		atomic {
			if
			:: NEEDS_EXITS && in_guest[0] -> request(0, REQ_OTHER)	/* hf_vcpu_kick_out() */
			:: else
			fi
		};
#if NVCPU > 1
		atomic {
			if
			:: NEEDS_EXITS && in_guest[1] -> request(1, REQ_OTHER)
			:: else
			fi
		};
#endif
#endif
		lock_tx();
		send_next_locked(true);
#ifdef MAY
		if
		:: !again -> again = true
		:: break
		fi
	:: break
#endif
	od
}
#endif

#ifdef TIMER
/* The timeout of the last vCPU's FFA_MSG_WAIT is over; from v2.12 on some other request without a message. */
proctype timer()
{
	atomic { due = true; request(LAST, REQ_OTHER) }
}
#endif

/* The guest has taken what is in the mailbox: it reads it. */
inline read_message()
{
#ifndef RX_OVERWRITE
	assert(box == READ);
#endif
	assert(NUMBER(box_id) == NEXT(last[SENDER(box_id)]));
	last[SENDER(box_id)] = NUMBER(box_id);
	tick = !tick;
#ifndef ENDLESS
	received++
#endif
}

/* A message was there already when the guest asked for one. */
inline take_at_once()
{
#ifdef RX_OVERWRITE
	box = EMPTY;
#else
	box = READ;
#endif
	has[v] = UNREAD
}

/* FFA_MSG_POLL */
inline poll_mailbox()
{
	atomic {
		polled = true;
		if
		:: box == RECEIVED -> take_at_once()
		:: else
		fi
	}
}

inline timer_interrupts()
{
#ifdef TIMER
	due = false;
	timer_served = true
#else
	skip
#endif
}
#if defined(TIMER) && !defined(WAIT_RETURNS)
#define TIMER_DUE	(v == LAST && due)
#else
#define TIMER_DUE	false
#endif

#ifdef RX_OVERWRITE
inline stop_reading_locked()
{
	readers[v] = false;
#ifndef DEFER_FORGOTTEN
	if
	:: !message_pending && !readers[0] && !readers[LAST] ->
		if
		:: deferred[0] -> request(0, REQ_OTHER)
		:: else
		fi;
		if
		:: deferred[LAST] -> request(LAST, REQ_OTHER)
		:: else
		fi;
#ifdef DEFER_STARVED
		deferred[0] = false;
		deferred[LAST] = false
#endif
	:: else
	fi
#endif
}

/*
 * EVIDENCE: what a poller's exit tells. It may have polled between the entry and the exit, it holds no
 * page, and the message was there before: then it has read that, or another vCPU takes it.
 */
#ifdef NEWCOMER_FORGOTTEN
#define GIVES_EVIDENCE	(pollers[v] && !waits)
#else
#define GIVES_EVIDENCE	pollers[v]
#endif
#ifdef COMPUTES_FOREVER
#define GUEST_TIME	false
#else
#define GUEST_TIME	(exit == INTERRUPT && guest == SPINNER)
#endif
#ifdef EVIDENCE_TOO_OLD
#define IN_THIS_EPOCH	true
#else
#define IN_THIS_EPOCH	!stale[v]
#endif
#define EVIDENCE	(exit == WFI || (IN_THIS_EPOCH && (has_read || \
			 (has[v] == NOTHING && ((exit == YIELD && polled) || GUEST_TIME)))))

#ifdef RUN_FOR_NOTHING
#define REASON		true
#elif defined(WAIT_RETURNS)
#define REASON		message_pending
#elif defined(SIBLING_RUN)
#define REASON		((message_pending && (taken & REQ_MESSAGE)) || (taken & REQ_OTHER))
#else
#define REASON		((message_pending && (taken & REQ_MESSAGE)) || \
			 ((taken & REQ_OTHER) && !message_pending && !readers[0] && !readers[LAST]))
#endif
#endif

proctype vcpu(byte v; byte guest)
{
	byte i, n, id, exit, taken;
	bool one, busy, announced, run_again, polled;
#ifdef RX_OVERWRITE
	bool has_read, early, looked;
#ifdef READER_UNLOCKED
	bool reason;
#endif
#endif

	/* The guest as it came up. */
	atomic {
#ifdef STEADY
		announced = true;
		goto asleep;
#else
		el2[v] = RUNNABLE;
#ifdef RX_OVERWRITE
		pollers[v] = true;
#endif
#endif
#ifdef WAITING_UNINITIALISED
		waiting[v] = (v != 0)
#endif
	};
loop:
	atomic {				/* check_requests() */
		taken = requests[v];
		requests[v] = 0;
		exit = NONE;
		run_again = false;
		polled = false
	};
#ifdef RX_OVERWRITE
	if					/* hf_wait_end() */
	:: announced ->
#ifdef READER_UNLOCKED
		reason = REASON;
		if
		:: reason ->
			stale[v] = false;
			waiting[v] = false;
			message_pending = false;
			readers[v] = true;
			announced = false
		:: else -> goto asleep
		fi
#else
		lock_wait();
		atomic {
			if
			:: early -> taken = taken | REQ_OTHER
			:: else
			fi;
			if
			:: REASON ->
				early = false;
				stale[v] = false;
				deferred[v] = false;
				waiting[v] = false;
				announced = false;
				message_pending = false;
				readers[v] = true;
				unlock_wait()
#ifdef WAIT_RETURNS
			:: else ->
#else
			:: !(REASON) && (taken & REQ_OTHER) ->
				early = true;
				deferred[v] = true;
				unlock_wait();
				goto asleep
			:: else ->
#endif
				unlock_wait();
				goto asleep
			fi;
			taken = 0
		}
#endif
	:: !announced && GIVES_EVIDENCE ->	/* enter_polling() */
		lock_wait();
		atomic {
			has_read = has_read && !stale[v];
			inside[v] = true;
			readers[v] = readers[v] || !has_read;
			stale[v] = false;
			unlock_wait()
		}
	:: else -> stale[v] = false
	fi;
#else
	if					/* hf_wait_end() */
	:: announced ->
		atomic { waiting[v] = false; announced = false };
#ifndef MIRROR_CLEARED_AFTER_RUN
		message_pending = false
#endif
	:: else
	fi;
#endif
	if					/* vcpu_enter(): (D) */
	:: requests[v] != 0 -> goto loop
	:: else
	fi;

	atomic {				/* EL2's look in FFA_RUN */
#ifdef MAY
		in_guest[v] = true;
#endif
		if
		:: el2[v] == IN_MSG_WAIT ->
			if
#ifdef WAIT_RETURNS
			:: true ->
#ifdef STEADY
				assert(box == RECEIVED);
#endif
				el2[v] = RUNNABLE
#else
			:: box == RECEIVED ->
#ifndef HANDS_TWICE
				box = READ;
#endif
				has[v] = UNREAD;
				el2[v] = RUNNABLE
			:: box != RECEIVED && pending[v] -> el2[v] = RUNNABLE
			:: box != RECEIVED && TIMER_DUE -> timer_interrupts(); el2[v] = RUNNABLE
			:: else -> exit = MSG_WAIT; goto exited
#endif
			fi
		:: el2[v] == IN_WFI ->
			if
			:: pending[v] -> el2[v] = RUNNABLE
			:: else -> exit = WFI; goto exited
			fi
		:: el2[v] == SWITCHED_OFF -> exit = OFF; goto exited
		:: else
		fi
	};
reads:
	atomic {				/* The guest runs, until it exits; it reads what it has. */
		if
		:: has[v] == UNREAD ->
			read_message();
			has[v] = HELD;
			if
			:: guest == ONCE -> guest = MUTE
			:: guest == TURNS -> guest = TAKER
			:: else
			fi
		:: else
		fi
	};
	if
	:: requests[v] != 0 -> exit = INTERRUPT; goto exited
	:: skip
	fi;
	if
	:: has[v] == HELD ->
		atomic {			/* FFA_RX_RELEASE */
#ifndef RX_OVERWRITE
			assert(box == READ);
#endif
			box = EMPTY;		/* from v2.9 on an unread message, too */
			has[v] = NOTHING;
			if
			:: guest == QUITTER -> el2[v] = SWITCHED_OFF; exit = WFI; goto exited
			:: listed -> exit = RX_RELEASE; goto exited
			:: else
			fi
		}
	:: else
	fi;
	if
	:: guest == WAITER || guest == ONCE || guest == TURNS || guest == MIXED || guest == QUITTER ||
	   (guest == LEAVER && received == 0) ->
		if
		:: guest == MIXED ->
			poll_mailbox();
			if
			:: has[v] != NOTHING -> exit = YIELD; goto exited
			:: else
			fi
		:: else
		fi;
		atomic {			/* FFA_MSG_WAIT */
			if
			:: box == RECEIVED ->
				take_at_once();
				if
				:: exit = INTERRUPT
				:: goto reads
				fi
			:: box != RECEIVED && TIMER_DUE -> timer_interrupts(); exit = INTERRUPT
			:: else -> el2[v] = IN_MSG_WAIT; exit = MSG_WAIT
			fi
		}
#ifdef RETRY
	:: guest == LEAVER && received > 0 ->
		atomic {
			in_guest[v] = true;
			if
			:: box == RECEIVED -> box = READ; read_message(); box = EMPTY
			:: else
			fi
		};
end_computes:	do
		:: atomic { requests[v] != 0 -> exit = INTERRUPT; break }
		:: atomic { box == RECEIVED -> box = READ; read_message(); box = EMPTY }
		od
#endif
	:: guest == TAKER || guest == ACKER ->
		pending[v] = false;		/* HF_INTERRUPT_GET */
		if
		:: guest == TAKER -> poll_mailbox()
		:: else
		fi;
		if
		:: has[v] != NOTHING -> exit = INTERRUPT
		:: else ->
			atomic {
				if
				:: pending[v] -> exit = INTERRUPT
				:: else -> el2[v] = IN_WFI; exit = WFI
				fi
			}
		fi
	:: guest == MUTE ->
		atomic { el2[v] = IN_WFI; exit = WFI }
	:: guest == POLLER ->
		poll_mailbox();
		exit = YIELD
	:: guest == SPINNER ->
		exit = INTERRUPT
	fi;

exited:	/* hf_exit_take(), hf_mailbox_exit() */
#ifdef RETRY
	in_guest[v] = false;
#endif
#ifdef MIRROR_CLEARED_AFTER_RUN
	message_pending = false;
#endif
#ifndef RX_OVERWRITE
	atomic {
		computes[v] = (exit == INTERRUPT && last_exit[v] == INTERRUPT);
		last_exit[v] = exit
	};
#endif
#ifndef NOTIFY_FORGOTTEN
	if
	:: exit == RX_RELEASE ->		/* notify_some() */
		atomic { listed = false; writable = true }
	:: else
	fi;
#endif
	if
	:: exit == MSG_WAIT ->			/* hf_wait_begin() */
#ifdef RX_OVERWRITE
		lock_wait();
		atomic {
#ifdef READERS_ZEROED
			if
			:: !waits -> readers[0] = false; readers[LAST] = false
			:: else
			fi;
#endif
			waits = true;
			pollers[v] = false;
			inside[v] = false;
			announced = true;
			waiting[v] = true;
			if
#ifdef WAIT_IS_NO_LOOK
			:: true -> message_pending = false
#else
			:: !stale[v] -> message_pending = false
#endif
			:: else
			fi;
			stop_reading_locked();
			unlock_wait()
		};
#else
		waits = true;
#ifdef MIRROR_BEFORE_ANNOUNCE
		run_again = message_pending;
#endif
		atomic { announced = true; waiting[v] = true };		/* (G) */
#endif
#if !defined(MIRROR_UNCHECKED) && !defined(MIRROR_BEFORE_ANNOUNCE)
		atomic {
			if
			:: message_pending -> request(v, REQ_MESSAGE)
			:: else
			fi
		}
#endif
	:: else ->				/* hf_wait_exit() */
#ifdef RX_OVERWRITE
		if
		:: pollers[v] || exit == OFF ->
			lock_wait();
			atomic {
				inside[v] = false;
				if
				:: exit == OFF -> pollers[v] = true; stop_reading_locked()
				:: exit != OFF && EVIDENCE ->
					has_read = (exit != WFI);
					pollers[v] = !(waits && has_read);
					stop_reading_locked()
				:: else
				fi;
				unlock_wait()
			}
		:: else
		fi;
#endif
		run_again = (exit != WFI && exit != OFF);
#if defined(RX_OVERWRITE) && !defined(OFF_UNSEEN)
		atomic {			/* exit_wfi(): a reader that sleeps may be off */
			run_again = run_again || (exit == WFI && readers[v] && !looked);
			looked = (exit == WFI)
		}
#endif
	fi;
	/* hf_exit_finish(), hf_mailbox_finish() */
#ifndef QUEUE_FORGOTTEN
	if					/* (I) */
	:: queued > 0 ->
		lock_tx();
		send_next_locked(false)
	:: else
	fi;
#endif
	if
	:: run_again
	:: else ->
asleep:
end_asleep:	requests[v] != 0		/* vcpu_block() */
	fi;
	goto loop
}

#ifdef NO_LTL
/* When nobody can do anything any more, nothing is left to do. */
active proctype monitor()
{
end:	timeout ->
#ifdef UNSEEN
	assert(last[0] == MESSAGES && queued == 0)
#else
	assert(received == TOTAL && queued == 0)
#endif
}
#endif

init {
	atomic {
		room[0] = ROOM;
		room[SENDERS - 1] = ROOM;
#ifdef STEADY
		waits = true;
		el2[0] = IN_MSG_WAIT;
		el2[LAST] = IN_MSG_WAIT;
		waiting[0] = true;
		waiting[LAST] = true;
#endif
		run vcpu(0, KIND(0));
#if NVCPU > 1
		run vcpu(1, KIND(1));
#endif
		run sender(0);
#ifdef SECONDARY
		run secondary(1);
#elif defined(UNSEEN)
		run send2(1);
#elif SENDERS > 1
		run sender(1);
#endif
#ifdef TIMER
		run timer();
#endif
#ifdef RETRY
		run retry_work()
#endif
	}
}

#ifndef NO_LTL
#ifdef ENDLESS
ltl moves { ([] <> tick) && ([] <> !tick) }
#ifdef TIMER
ltl timed { <> timer_served }
#endif
#else
#ifdef UNSEEN
ltl delivered { <> (last[0] == MESSAGES) }
#else
ltl delivered { <> (received == TOTAL) }
#endif
ltl unblocked { [] (room[0] == 0 -> <> (room[0] > 0)) }
#endif
#endif
