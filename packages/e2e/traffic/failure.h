#pragma once
// Exits at the first failure with one line on stderr and status 1 (system call) or 2 (command line).

// Prints what failed, with the text of errno.
_Noreturn void system_failure(const char *format, ...) __attribute__((format(printf, 1, 2)));

_Noreturn void usage_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
