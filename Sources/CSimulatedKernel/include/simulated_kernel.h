// A disk and sockets under a program's own control. The definitions of `pwrite`, `send` and the others take the place of the C
// library's in the program that links this, for LMDB as well; what is neither the simulated file nor a simulated socket is
// passed on. One thread.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// MARK: The disk

enum { simulated_page_bytes = 4096 };

/// From now on `file`, which may not exist yet, is the simulated one: writes to it are remembered until they are synced. Forgets
/// every fault that was planned.
void simulated_disk_begin(const char *file);

/// After `after` further calls, `count` calls fail with `error` (writes and syncs; a write may be made in part before).
void simulated_disk_fail(int error, int64_t after, int64_t count);

/// After `after` further calls the machine stops: every later call fails, and none changes anything.
void simulated_disk_crash(int64_t after);

/// Plans no fault any more.
void simulated_disk_heal(void);

/// Whether the machine has stopped.
bool simulated_disk_has_crashed(void);

/// What has failed so that no later call mends it: EIO, or ENOSPC where a sync failed with it, or 0.
int simulated_disk_loss(void);

/// Writes to `to` what is left of the file after a crash. Of each page that was written and not synced, the new state is there with
/// a probability of `share` / 256, drawn from `seed`, or else the one that was synced last.
///
/// Returns whether there is anything.
bool simulated_disk_survive(const char *to, uint64_t seed, unsigned share);

// MARK: Sockets

/// Descriptors from here on are simulated sockets.
enum { simulated_socket_first = 1 << 28 };

/// `send(2)`: a count of bytes, or a negated error.
typedef int64_t (*simulated_send)(int32_t descriptor, const void *bytes, int64_t count);

/// `shutdown(2)` for writing, and `SO_LINGER` with 0 seconds.
typedef void (*simulated_change)(int32_t descriptor);

/// Who answers for simulated sockets.
void simulated_sockets_begin(simulated_send send, simulated_change end_output, simulated_change reset_on_close);
