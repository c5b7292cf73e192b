// A process that SIGUSR1 brings trouble to: an LD_PRELOAD library under a command.
//
//   SIGNAL_FAULTS=interrupt   the call that waits fails with EINTR
//   SIGNAL_FAULTS=null        the process reads at address 0, as a bug of ours would
//   SIGNAL_FAULTS=past        the process reads a map of a file that is shorter
//   SIGNAL_FAULTS=abort       the process calls abort(), as an allocator that finds its heap destroyed would
#define _GNU_SOURCE
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static const char *what = "interrupt";

static void trouble(int number) {
    (void)number;
    static const volatile char *nowhere;
    if (strcmp(what, "past") == 0) nowhere = mmap(NULL, 1, PROT_READ, MAP_SHARED, memfd_create("empty", MFD_CLOEXEC), 0);
    if (strcmp(what, "past") == 0 || strcmp(what, "null") == 0) (void)*nowhere;
    if (strcmp(what, "abort") == 0) abort();
}

__attribute__((constructor)) static void begin(void) {
    if (getenv("SIGNAL_FAULTS")) what = getenv("SIGNAL_FAULTS");
    struct sigaction action = {.sa_handler = trouble};  // without SA_RESTART
    if (sigaction(SIGUSR1, &action, NULL) < 0) abort();
}
