#pragma once

#include <napi.h>

// How the kernel shares out CPU time to the thread that calls these (sched(7)). They change this thread alone, and threads that it starts later.

/// setSlice(microseconds): how long it may run before another thread that waits for the same CPU gets its turn, 100 to 100,000. A thread
/// with a short slice is taken earlier when it wakes up, since its turn ends earlier. Linux 6.12; older kernels have one slice for all.
void setSlice(const Napi::CallbackInfo& info);

/// setNice(value): −20, first, to 19, last; below 0 needs CAP_SYS_NICE
void setNice(const Napi::CallbackInfo& info);

/// setRealTime(priority): before all threads without such a priority; 1 to 99, needs CAP_SYS_NICE. Threads that it starts are not so.
void setRealTime(const Napi::CallbackInfo& info);

/// setCpus(numbers): the CPUs that it may run on
void setCpus(const Napi::CallbackInfo& info);
