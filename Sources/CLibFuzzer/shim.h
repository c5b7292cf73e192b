// libFuzzer as a library: its runtime comes with the toolchain, and is linked by `-sanitize=fuzzer` only.
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerRunDriver(int *argc, char ***argv, int (*body)(const uint8_t *bytes, size_t count));
