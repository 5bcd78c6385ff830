// Read before each source that is compiled for musl on Debian: what the headers of Debian's libstdc++ take from glibc.
#pragma once

// "glibc 0.0": bits/os_defines.h asks for the version.
#define __GLIBC_PREREQ(major, minor) 0
// Call the thread functions. Otherwise std::mutex does not lock unless the program has a function of old glibc, by which libstdc++ tells
// whether it has threads.
#define _GLIBCXX_GTHREAD_USE_WEAK 0
// glibc's name for it, in bits/c++locale.h.
#define __locale_t locale_t

// Functions that musl lacks.
#include <bits/c++config.h>
#undef _GLIBCXX_USE_PTHREAD_COND_CLOCKWAIT
#undef _GLIBCXX_USE_PTHREAD_MUTEX_CLOCKLOCK
