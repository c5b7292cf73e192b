#pragma once

#include <stdint.h>

/// Begins a measured region: the thread's count of allocations is 0 and, under callgrind, so is that of instructions.
void measure_begin(void);

/// Ends the region.
///
/// Returns how often the thread has allocated since the beginning, by `malloc` or a relative, the Swift runtime
/// included: libc's functions are replaced in every executable that links this target.
int64_t measure_end(void);

/// Under callgrind, writes the region's instructions to a file of their own, with `name` as the trigger.
void measure_publish(const char *name);
