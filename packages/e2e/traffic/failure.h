#pragma once
// A test tool stops at the first failure: one line on stderr, status 1 (a system call) or 2 (the command line).

// What could not be done, with the text of errno.
_Noreturn void system_failure(const char *format, ...) __attribute__((format(printf, 1, 2)));

_Noreturn void usage_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
